/**
 * Starts a complete replica: hub, apps, ports, timers and drain. The settings come from the process environment (main.ts) or from a test,
 * which also chooses free ports.
 */

import { randomUUID } from 'node:crypto'
import { performance } from 'node:perf_hooks'
import type { ReplicaState } from '@lab/contract/metrics.ts'
import { createApp, createInternalApp, type Status } from './app.ts'
import type { Config } from './config.ts'
import { createDrainRunner } from './drain-runner.ts'
import type { Hub } from './hub.ts'
import { createInside } from './inside.ts'
import { createMetrics } from './metrics.ts'
import { loadPage } from './page.ts'
import type { Clock, Log } from './ports.ts'
import { startRebalancer } from './rebalancer.ts'
import { resumeSecret } from './resume-secret.ts'
import { type Listening, listenInternal, listenPublic } from './server.ts'
import { memoryStores, type Stores } from './stores.ts'
import { noTracer, type Tracer } from './telemetry/tracer.ts'
import { nodeUpgrade } from './upgrade.ts'

export interface RunningService {
  id: string
  port: number
  internalPort: number
  hub: Hub
  state(): ReplicaState
  /**
   * Drains the replica: it stops being ready, asks its clients to reconnect, and closes the remaining connections at the deadline. Resolves
   * when all of the replica's connections have closed. A second call to `drain` changes nothing, unless `atOnce` is set.
   * @param options.atOnce whether to move the deadline to the current time
   */
  drain(options?: { atOnce: boolean }): Promise<void>
}

export interface ReplicaOptions {
  config: Config
  /** The replica's name. */
  id: string
  version: string
  log: Log
  /** The replica's tracer; without one, nothing is traced. */
  tracer?: Tracer
}

/** Starts a replica; it is ready when the returned promise resolves. The promise rejects if a port is not available. */
export async function startReplica({ config, id, version, log, tracer = noTracer }: ReplicaOptions): Promise<RunningService> {
  const secret = resumeSecret(config)
  const clock = { now: Date.now, steady: () => performance.now() }
  const { registry, meter, watch } = createMetrics({
    version,
    colour: config.LAB_COLOUR,
    recordMessages: config.METRICS === 'on',
    exemplars: tracer !== noTracer,
  })
  const stores = await createStores(config, { id, clock, log })
  const { roomLog, sessions } = stores
  const { hub, history } = createInside({ config, replica: id, version, clock, meter, log, tracer, stores, secret, newId: randomUUID })

  let state: ReplicaState = 'starting'
  const ended = Promise.withResolvers<void>()
  const drainer = createDrainRunner({ config, clock, hub, log, onEmpty: closePublic, onDone: closeInternal })
  watch({
    connections: () => hub.size,
    connectionsLimit: () => config.MAX_CONNECTIONS,
    state: () => state,
    drain: drainer.progress,
    rooms: () => ({ rooms: hub.rooms.roomCount, members: hub.rooms.memberCount }),
    sessionsHeld: () => sessions.held,
    roomLog: () => ({ messages: history.count, bytes: history.bytes, waiting: roomLog.waiting }),
    store: stores.stats,
    dependencies: () => ({ rooms: roomLog.healthy(), sessions: sessions.healthy() }),
  })
  const status: Status = {
    state: () => state,
    connections: () => hub.size,
    uptimeSeconds: () => Math.round(process.uptime()),
    drain: drainer.progress,
    dependencies: () => ({
      rooms: { kind: roomLog.name, up: roomLog.healthy() },
      sessions: { kind: sessions.name, up: sessions.healthy() },
    }),
  }
  const app = createApp({
    config,
    replica: id,
    version,
    status,
    meter,
    registry,
    upgrade: nodeUpgrade(hub),
    page: loadPage(),
    newId: randomUUID,
    log,
    tracer,
  })
  const [publicPort, internalPort] = await listenBoth(
    () => listenPublic(app, config, meter),
    () => listenInternal(createInternalApp({ status, registry, onScraped: drainer.scraped }), config),
  )
  await roomLog.start(hub.roomEvents)
  const ticker = setInterval(hub.tick, hub.tickMs)
  const enforcer = setInterval(hub.enforceLimits, enforceMs)
  const announcer = setInterval(announce, announceMs)
  const stopRebalancing = startRebalancer({ config, id, clock, hub, replicas: stores.replicas, log })
  state = 'ready'

  function announce(): void {
    stores.replicas.announce({ id, state, connections: hub.size, colour: config.LAB_COLOUR })
  }

  function closePublic(): void {
    state = 'closed'
    clearInterval(ticker)
    clearInterval(enforcer)
    clearInterval(announcer)
    announce()
    hub.terminateAll()
    publicPort.stop()
    publicPort.cut()
  }

  function closeInternal(): void {
    internalPort.stop()
    internalPort.cut()
    stores.stop().then(ended.resolve, ended.reject)
  }

  function drain({ atOnce } = { atOnce: false }): Promise<void> {
    stopRebalancing()
    if (state !== 'closed') state = 'draining'
    drainer.begin()
    if (atOnce) drainer.hurry()
    return ended.promise
  }

  return { id, port: publicPort.port, internalPort: internalPort.port, hub, state: () => state, drain }
}

/** Interval between checks of the resource limits that apply to all connections together. Milliseconds. */
const enforceMs = 100

/** Interval at which a replica writes its entry to the shared table of replicas. Milliseconds. */
const announceMs = 1000

async function createStores(config: Config, who: { id: string; clock: Clock; log: Log }): Promise<Stores> {
  if (config.VALKEY_URL === '') return memoryStores(config, who.clock)
  // The Valkey client library is loaded only if the replica uses Valkey.
  const { valkeyStores } = await import('./valkey/stores.ts')
  return valkeyStores(config, who)
}

/** Listens on both the public and the internal port. If the second port is not available, the first port is closed again. */
async function listenBoth(first: () => Promise<Listening>, second: () => Promise<Listening>): Promise<[Listening, Listening]> {
  const one = await first()
  try {
    return [one, await second()]
  } catch (error) {
    one.stop()
    throw error
  }
}
