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
import { createHub, type Hub } from './hub.ts'
import type { HubSession } from './membership.ts'
import { createMetrics } from './metrics.ts'
import { loadPage } from './page.ts'
import type { Log } from './ports.ts'
import { signToken, verifyToken } from './resume-token.ts'
import { MemoryRoomBus } from './rooms.ts'
import { type Listening, listenInternal, listenPublic } from './server.ts'
import { MemorySessionStore } from './sessions.ts'
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
}

/** Starts a replica; it is ready when this resolves. Rejects when a port can't be had. */
export async function startReplica({ config, id, version, log }: ReplicaOptions): Promise<Replica> {
  const secret = createSecretKey(config.RESUME_SECRET ? Buffer.from(config.RESUME_SECRET) : randomBytes(32))
  const clock = { now: Date.now, steady: () => performance.now() }
  const { registry, meter, watch } = createMetrics({ version, recordMessages: config.METRICS === 'on' })
  const sessions = new MemorySessionStore<HubSession>(config.RESUME_WINDOW, config.MAX_HELD_SESSIONS)
  const bus = new MemoryRoomBus()
  const hub = createHub({
    config,
    replica: id,
    clock,
    meter,
    log,
    bus,
    sessions,
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
    sessionsHeld: () => sessions.size,
    dependencies: () => ({ rooms: bus.healthy() }),
  })
  const status: Status = {
    state: () => state,
    connections: () => hub.size,
    uptimeSeconds: () => Math.round(process.uptime()),
    drain: drainer.progress,
    dependencies: () => ({ rooms: { kind: bus.name, up: bus.healthy() } }),
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
  })
  const [publicPort, internalPort] = await listenBoth(
    () => listenPublic(app, config, meter),
    () => listenInternal(createInternalApp({ status, registry, onScraped: drainer.scraped }), config),
  )
  const ticker = setInterval(hub.tick, hub.tickMs)
  state = 'ready'

  function closePublic(): void {
    state = 'closed'
    clearInterval(ticker)
    hub.terminateAll()
    publicPort.stop()
    publicPort.cut()
  }

  function closeInternal(): void {
    internalPort.stop()
    internalPort.cut()
    ended.resolve()
  }

  function drain(): Promise<void> {
    if (state !== 'closed') state = 'draining'
    drainer.begin()
    return ended.promise
  }

  return { id, port: publicPort.port, internalPort: internalPort.port, hub, state: () => state, drain }
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
