/**
 * A whole replica in one call: hub, apps, ports, timers and the drain. main.ts gives it the process' environment;
 * tests give it settings and free ports.
 */

import { createSecretKey, randomBytes, randomUUID } from 'node:crypto'
import { performance } from 'node:perf_hooks'
import type { ReplicaState } from '@lab/contract/metrics.ts'
import { createApp, createInternalApp, type Status } from './app.ts'
import type { Config } from './config.ts'
import { createDrainRunner } from './drain-runner.ts'
import { History } from './history.ts'
import { createHub, type Hub } from './hub.ts'
import { createMetrics } from './metrics.ts'
import { loadPage } from './page.ts'
import type { Clock, Log } from './ports.ts'
import { startRebalancer } from './rebalancer.ts'
import { signToken, verifyToken } from './resume-token.ts'
import { type Listening, listenInternal, listenPublic } from './server.ts'
import { memoryStores, type Stores } from './stores.ts'
import { noTracer, type Tracer } from './telemetry/tracer.ts'
import { nodeUpgrade } from './upgrade.ts'

export interface Replica {
  id: string
  port: number
  internalPort: number
  hub: Hub
  state(): ReplicaState
  /** Leaves: not ready, goodbyes, deadline. Resolves when everybody is gone; calling it again ends it at once. */
  drain(): Promise<void>
}

export interface ReplicaOptions {
  config: Config
  /** Name of the replica. */
  id: string
  version: string
  log: Log
  /** Without it nothing is traced. */
  tracer?: Tracer
}

/** Starts a replica; it is ready when this resolves. Rejects when a port can't be had. */
export async function startReplica({ config, id, version, log, tracer = noTracer }: ReplicaOptions): Promise<Replica> {
  const secret = createSecretKey(config.RESUME_SECRET ? Buffer.from(config.RESUME_SECRET) : randomBytes(32))
  const clock = { now: Date.now, steady: () => performance.now() }
  const { registry, meter, watch } = createMetrics({ version, recordMessages: config.METRICS === 'on', exemplars: tracer !== noTracer })
  const stores = await createStores(config, { id, clock, log })
  const { roomLog, sessions, presence } = stores
  const history = new History({ messages: config.ROOM_LOG_MESSAGES, bytes: config.ROOM_LOG_BYTES, ageMs: config.ROOM_LOG_AGE })
  const hub = createHub({
    config,
    replica: id,
    clock,
    meter,
    log,
    tracer,
    roomLog,
    history,
    sessions,
    presence,
    newId: randomUUID,
    tokenFor: (sessionId) => signToken(secret, sessionId, clock.now() + config.RESUME_TOKEN_TTL),
    readToken: (token) => verifyToken(secret, token, clock.now()),
  })

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
  const announcer = setInterval(announce, announceMs)
  const stopRebalancing = startRebalancer({ config, id, clock, hub, replicas: stores.replicas, log })
  state = 'ready'

  function announce(): void {
    stores.replicas.announce({ id, state, connections: hub.size })
  }

  function closePublic(): void {
    state = 'closed'
    clearInterval(ticker)
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

  function drain(): Promise<void> {
    stopRebalancing()
    if (state !== 'closed') state = 'draining'
    drainer.begin()
    return ended.promise
  }

  return { id, port: publicPort.port, internalPort: internalPort.port, hub, state: () => state, drain }
}

/** How often a replica tells the others how it is. Milliseconds. */
const announceMs = 1000

async function createStores(config: Config, who: { id: string; clock: Clock; log: Log }): Promise<Stores> {
  if (config.VALKEY_URL === '') return memoryStores(config, who.clock)
  // Its client library is loaded by those who use it.
  const { valkeyStores } = await import('./valkey/stores.ts')
  return valkeyStores(config, who)
}

/** Both ports or none: when the second can't be had, the first is given back. */
async function listenBoth(first: () => Promise<Listening>, second: () => Promise<Listening>): Promise<[Listening, Listening]> {
  const one = await first()
  try {
    return [one, await second()]
  } catch (error) {
    one.stop()
    throw error
  }
}
