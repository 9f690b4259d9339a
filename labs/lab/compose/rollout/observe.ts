/** Reads the state of the replicas for a rollout: each replica's revision, and whether it serves sockets through Traefik. */
import { createHash, randomUUID } from 'node:crypto'
import { ports, stickyCookie } from '@lab/contract/endpoints.ts'
import type { ServerMessageType } from '@lab/contract/messages.ts'
import { type Container, containerNumber, isReplica, replicaName } from '@lab/host/replicas.ts'
import { socketAddress } from '../../entry.ts'
import { missedObjective, type Objectives, p95 } from './objectives.ts'
import type { RolloutReplica } from './plan.ts'
import { type Rollout, sameVersion, type Version } from './store.ts'
import { versionOf } from './versions.ts'

/** Exit code of a process that was killed with SIGKILL. */
const killedExitCode = 137
/** Time limit for one replica's smoke test. */
const smokeWithinMs = 6_000
/** Number of sockets in the smoke test, which is the maximum that a single address may open at once with LAB_HARDENED. */
const smokeSockets = 4
/** Maximum number of messages sent on each socket of the smoke test. */
const smokeMessages = 10

/** Returns whether a replica has the desired version and, for a restart, was created after the restart began. */
export function isUpdated(container: Container, version: Version, { madeAfterSeconds = 0 }: Pick<Rollout, 'madeAfterSeconds'>): boolean {
  return sameVersion(versionOf(container), version) && createdAt(container) >= madeAfterSeconds
}

/** Returns a container's creation time in Unix seconds. */
export function createdAt({ Created }: Container): number {
  return Date.parse(Created) / 1000
}

/**
 * Derives a replica's rollout state from its container. Pure.
 * @param served the result of the replica's smoke test, used only for updated replicas; a replica that misses an objective has failed
 */
export function rolloutReplica(container: Container, updated: boolean, served: Served): RolloutReplica {
  const { State, Config, Id, RestartCount } = container
  const base = {
    id: Id,
    name: replicaName(Config.Labels),
    number: containerNumber(Config.Labels),
    updated,
    createdAtSeconds: createdAt(container),
  }
  const ended = `ended with exit code ${State.ExitCode}`
  if (!isReplica(container)) return { ...base, state: isKilled(container) ? 'killed' : 'failed', detail: ended }
  if (RestartCount > 0 && updated) return { ...base, state: 'failed', detail: 'ended by itself and was started again' }
  if (State.Status !== 'running') return { ...base, state: 'unavailable', detail: `its container is ${State.Status}` }
  const health = State.Health?.Status ?? 'none'
  if (health === 'starting') return { ...base, state: 'starting', detail: 'its health check has not passed yet' }
  if (health === 'unhealthy') return { ...base, state: 'unavailable', detail: 'its health check fails' }
  if (updated && !served.ok) return { ...base, state: served.missed ? 'failed' : 'starting', detail: served.detail }
  return { ...base, state: 'available', detail: 'it serves' }
}

/** Returns whether the container was killed by an external SIGKILL; a container that exceeds its memory limit exits with the same code. */
function isKilled({ State }: Container): boolean {
  return State.ExitCode === killedExitCode && !State.OOMKilled
}

/** Returns the sticky cookie with which Traefik routes a client to the given replica. */
export function cookieFor(address: string): string {
  const hash = createHash('sha256').update(`http://${address}:${ports.public}`).digest('hex').slice(0, 16)
  return `${stickyCookie}=${hash}`
}

/** Result of a smoke test. */
export interface Served {
  readonly ok: boolean
  readonly detail: string
  /** Set if the smoke test reached the replica but the replica missed an objective. */
  readonly missed?: true
}

export interface SmokeTarget {
  readonly entry: string
  /** Names of the replicas that may serve the smoke test's sockets. */
  readonly replicas: readonly string[]
  /** Request headers that make Traefik route the sockets to the replicas under test. */
  readonly headers: Readonly<Record<string, string>>
  readonly objectives: Objectives
}

/** Opens sockets through Traefik, sends messages, and compares the replies with the objectives. */
export async function smokeTest({ entry, replicas, headers, objectives }: SmokeTarget): Promise<Served> {
  const ran = await Promise.all(Array.from({ length: smokeSockets }, () => smokeSocket({ entry, replicas, headers })))
  const refused = ran.find(({ detail }) => detail !== undefined)
  if (refused?.detail !== undefined) return { ok: false, detail: refused.detail }
  const seconds = ran.flatMap((one) => one.seconds)
  const messages = ran.reduce((sum, one) => sum + one.messages, 0)
  const reading = { messages, errors: messages - seconds.length, latencySeconds: p95(seconds) }
  const missed = missedObjective(reading, undefined, objectives)
  return missed === undefined ? { ok: true, detail: 'it serves' } : { ok: false, detail: `the smoke test failed: ${missed}`, missed: true }
}

/**
 * Number of consecutive failed smoke tests after which a replica counts as failed. A single failed test is not enough, because a new
 * process responds slowly at first.
 */
const mostMissed = 5

/** Runs smoke tests against replicas until each replica has passed one. */
export class SmokeTests {
  readonly #passed = new Set<string>()
  readonly #missed = new Map<string, number>()

  /** Returns whether the replica with the given container id has passed a smoke test. */
  hasPassed(id: string): boolean {
    return this.#passed.has(id)
  }

  /**
   * Runs one smoke test against a replica, unless the replica has already passed one. A miss is reported only after several consecutive
   * smoke tests have missed an objective.
   */
  async run(id: string, target: SmokeTarget): Promise<Served> {
    if (this.#passed.has(id)) return { ok: true, detail: '' }
    const { missed, ...served } = await smokeTest(target)
    if (served.ok) this.#passed.add(id)
    const times = missed ? (this.#missed.get(id) ?? 0) + 1 : 0
    this.#missed.set(id, times)
    return times >= mostMissed ? { ...served, missed: true } : served
  }
}

interface SmokeSocket {
  /** Number of messages that the socket has sent. */
  readonly messages: number
  /** Round-trip times of the messages that received a reply without an error. */
  readonly seconds: readonly number[]
  /** Reason why the socket was not served; undefined if it was served. */
  readonly detail?: string
}

/**
 * Sends one message at a time, and no more messages than the replica allows in a burst, so that a low rate limit does not make the smoke
 * test fail.
 */
async function smokeSocket({ entry, replicas, headers }: Omit<SmokeTarget, 'objectives'>): Promise<SmokeSocket> {
  const { promise, resolve } = Promise.withResolvers<string | undefined>()
  const socket = new WebSocket(socketAddress({ entry }), { headers })
  const timer = setTimeout(() => resolve(`a socket through Traefik was not served within ${smokeWithinMs / 1000} s`), smokeWithinMs)
  const seconds: number[] = []
  let [messages, answers, sentAtMs, most] = [0, 0, 0, smokeMessages]
  const send = () => {
    if (answers === most) return resolve(undefined)
    messages++
    sentAtMs = performance.now()
    socket.send(JSON.stringify({ type: 'message', id: randomUUID(), data: 'smoke' }))
  }
  socket.addEventListener('message', ({ data }: { data: unknown }) => {
    const message = JSON.parse(String(data)) as { type: ServerMessageType; replica?: string; limits?: { messagesPerSecond: number } }
    if (message.type === 'connection_established') {
      if (message.replica === undefined || !replicas.includes(message.replica))
        return resolve(`Traefik does not route to it yet, but to ${message.replica}`)
      most = Math.min(smokeMessages, message.limits?.messagesPerSecond ?? smokeMessages)
      send()
    }
    if (message.type !== 'message_response' && message.type !== 'error') return
    answers++
    if (message.type === 'message_response') seconds.push((performance.now() - sentAtMs) / 1000)
    send()
  })
  socket.addEventListener('error', () => resolve('a socket through Traefik was refused'))
  socket.addEventListener('close', ({ code }) => resolve(`it closed the socket of the smoke test with ${code}`))
  try {
    const detail = await promise
    return { messages, seconds, ...(detail !== undefined && { detail }) }
  } finally {
    clearTimeout(timer)
    socket.close()
  }
}
