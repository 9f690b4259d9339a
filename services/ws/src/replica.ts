/**
 * A whole replica in one call: hub, apps, ports, timers and the drain. main.ts gives it the process' environment;
 * tests give it settings and free ports.
 */

import { randomBytes } from 'node:crypto'
import { performance } from 'node:perf_hooks'
import type { ReplicaState } from '@lab/contract/metrics.ts'
import { createApp, createInternalApp, type Status } from './app.ts'
import type { Config } from './config.ts'
import { type DrainState, returnWindowMs, startDrain, stepDrain } from './drain.ts'
import { createHub, type Hub, type HubSession, type Log } from './hub.ts'
import { createMetrics } from './metrics.ts'
import { loadPage } from './page.ts'
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
  /** Name of the replica where the settings give none. */
  hostname: string
  version: string
  log: Log
}

/** How often a drain takes a step. Milliseconds. */
const drainStepMs = 100

/** Starts a replica; it is ready when this resolves. Rejects when a port can't be had. */
export async function startReplica({ config, hostname, version, log }: ReplicaOptions): Promise<Replica> {
  const id = config.REPLICA_ID || hostname
  const secret = config.RESUME_SECRET || randomBytes(32).toString('base64url')
  const clock = { now: Date.now, steady: () => performance.now() }
  const { registry, meter, watch } = createMetrics({ version, recordMessages: config.METRICS === 'on' })
  const sessions = new MemorySessionStore<HubSession>(config.RESUME_WINDOW, config.MAX_HELD_SESSIONS)
  const bus = new MemoryRoomBus()
  const newId = () => randomBytes(12).toString('base64url')
  const hub = createHub({
    config,
    replica: id,
    clock,
    meter,
    log,
    bus,
    sessions,
    newId,
    tokenFor: (sessionId) => signToken(secret, sessionId, clock.now() + config.RESUME_TOKEN_TTL),
    readToken: (token) => verifyToken(secret, token, clock.now()),
  })

  let state: ReplicaState = 'starting'
  let drainState: DrainState | undefined
  const drainProgress = () => ({
    socketsLeft: drainState ? hub.size : 0,
    secondsLeft: drainState ? Math.max(0, (drainState.deadlineMs - clock.steady()) / 1000) : 0,
  })
  watch({
    connections: () => hub.size,
    connectionsLimit: () => config.MAX_CONNECTIONS,
    state: () => state,
    drain: drainProgress,
    rooms: () => ({ rooms: hub.rooms.roomCount, members: hub.rooms.memberCount }),
    sessionsHeld: () => sessions.size,
    dependencies: () => ({ rooms: bus.healthy() }),
  })
  const status: Status = {
    state: () => state,
    connections: () => hub.size,
    uptimeSeconds: () => Math.round(process.uptime()),
    drain: drainProgress,
    dependencies: () => ({ rooms: { kind: bus.name, up: bus.healthy() } }),
  }
  const app = createApp({ config, replica: id, version, status, meter, registry, upgrade: nodeUpgrade(hub), page: loadPage(), newId, log })
  const listeners = await listenBoth(
    () => listenPublic(app, config, meter),
    () => listenInternal(createInternalApp({ status, registry }), config),
  )
  const ticker = setInterval(hub.tick, hub.tickMs)
  state = 'ready'

  const ended = Promise.withResolvers<void>()
  let drainTimer: NodeJS.Timeout | undefined
  const settings = { delayMs: config.DRAIN_DELAY, timeoutMs: config.DRAIN_TIMEOUT, perSecond: config.DRAIN_RATE }

  function drainStep(): void {
    if (drainState === undefined) return
    const nowMs = clock.steady()
    const step = stepDrain(settings, drainState, nowMs, hub.size, hub.told)
    if (step.state.phase !== drainState.phase) log.info({ phase: step.state.phase, ...drainProgress() }, 'drain')
    drainState = step.state
    if (step.goodbyes > 0) hub.sayGoodbye(step.goodbyes, returnWindowMs(settings, drainState, nowMs), Math.random)
    if (step.closeAll) hub.closeAll('draining')
    if (drainState.phase === 'done') finish()
  }

  function finish(): void {
    state = 'closed'
    clearInterval(drainTimer)
    clearInterval(ticker)
    hub.terminateAll()
    for (const listener of listeners) {
      listener.stop()
      listener.cut()
    }
    ended.resolve()
  }

  function drain(): Promise<void> {
    if (state === 'closed') return ended.promise
    if (drainState === undefined) {
      state = 'draining'
      drainState = startDrain(settings, clock.steady(), hub.size)
      log.info({ phase: drainState.phase, ...drainProgress() }, 'drain')
      drainTimer = setInterval(drainStep, drainStepMs)
    } else {
      // Asked twice: whoever asks does not want to wait for the deadline.
      drainState = { ...drainState, deadlineMs: clock.steady() }
    }
    drainStep()
    return ended.promise
  }

  const [publicPort, internalPort] = listeners
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
