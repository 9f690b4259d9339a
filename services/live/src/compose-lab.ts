/** Converts readings of the lab on Compose to the state that the live page displays. Pure. */
import type { EmbeddedState, LiveSnapshot } from '@lab/contract/embedded-api.ts'
import type { ReplicaReading } from '@lab/host/readings.ts'
import type { TickRecord } from '@lab/scaler/record.ts'
import { decisionWords } from '@lab/scaler/views/sentence.ts'
import type { LoadReport } from './load-messages.ts'
import { newEvents, type RolloutRecord, rolloutWords } from './rollouts.ts'
import { scalerPart } from './scaler-part.ts'

/** The values in one reading of the lab. */
export interface ComposeReading {
  /** Unix seconds. */
  readonly atSeconds: number
  /** The replicas, sorted by replica number. */
  readonly replicas: readonly ReplicaReading[]
  readonly storeUp: boolean | null
  /** Each replica's resource usage, by replica name; replicas with an unknown value are omitted. */
  readonly cpuCores: ReadonlyMap<string, number>
  readonly residentBytes: ReadonlyMap<string, number>
  readonly eventLoop: ReadonlyMap<string, number>
  /** Each replica's version and colour, by replica name. */
  readonly versions: ReadonlyMap<string, { readonly version: string; readonly colour: string }>
  /** The record of rollouts and deploys; undefined if none has taken place. */
  readonly rollouts: RolloutRecord | undefined
  /** The newest record in the scaler's decision log, regardless of its age. */
  readonly record: TickRecord | undefined
}

/**
 * Replaces the state `silent` with `starting` for replicas that have not responded since their container started.
 * @param before the previous reading of the lab
 */
export function withStarts(before: readonly ReplicaReading[], now: readonly ReplicaReading[]): ReplicaReading[] {
  const stateOf = new Map(before.map(({ id, state }) => [id, state]))
  const hasStarted = (id: string) => stateOf.has(id) && stateOf.get(id) !== 'starting'
  return now.map((replica) => (replica.state === 'silent' && !hasStarted(replica.id) ? { ...replica, state: 'starting' } : replica))
}

/** A scaler decides every 15 s. A scaler that has made no decision for `silentAfterSeconds` is considered stopped. Seconds. */
const silentAfterSeconds = 60

/** Returns the latest decision record of a running scaler; null if no scaler is running. */
export function currentRecord({ record, atSeconds }: ComposeReading): TickRecord | null {
  return record !== undefined && atSeconds - Date.parse(record.time) / 1000 <= silentAfterSeconds ? record : null
}

export function composeSnapshot(
  reading: ComposeReading,
  driver: { load: LoadReport; k6: LiveSnapshot['k6'] },
  events: LiveSnapshot['events'],
): LiveSnapshot {
  const { load, k6 } = driver
  const record = currentRecord(reading)
  const current = reading.replicas.filter(({ state }) => state !== 'draining').length
  return {
    mode: 'compose',
    // If VALKEY_URL is empty, the lab runs without Valkey, and `storeUp` is null.
    shared: reading.storeUp !== null,
    storeUrl: null,
    storeUp: reading.storeUp ?? false,
    timeScale: record?.timeScale ?? 1,
    replicas: reading.replicas.map(({ id, state, sockets, startedAtSeconds }) => ({
      id,
      state,
      version: reading.versions.get(id)?.version ?? null,
      colour: reading.versions.get(id)?.colour ?? null,
      connections: sockets,
      connectionsLimit: 0,
      cpuPercent: percent(reading.cpuCores.get(id)),
      memoryMiB: Math.round((reading.residentBytes.get(id) ?? 0) / 2 ** 20),
      messagesPerSecond: null,
      eventLoopPercent: percent(reading.eventLoop.get(id)) ?? 0,
      drainLeft: state === 'draining' ? sockets : 0,
      startedAtSeconds,
      metricsUrl: null,
    })),
    scaler: record === null ? null : scalerPart(record, { hpa: record.hpa, paused: record.paused, current }),
    load: reading.storeUp !== null ? load : { ...load, moves: null, lost: null },
    k6,
    openThroughRouter: reading.replicas.reduce((sum, { sockets }) => sum + sockets, 0),
    rollout: rolloutWords(reading.rollouts),
    events,
  }
}

const percent = (share: number | undefined) => (share === undefined ? null : Math.round(share * 100))

/** Returns one line of text for each change between two readings of the lab. */
export function changesBetween(before: ComposeReading, after: ComposeReading): string[] {
  const stateOf = new Map(before.replicas.map(({ id, state }) => [id, state]))
  const lines = after.replicas.flatMap(({ id, state }) => (stateOf.get(id) === state ? [] : [`${id}: ${stateWords[state]}`]))
  for (const { id } of before.replicas) if (!after.replicas.some((one) => one.id === id)) lines.push(`${id}: gone`)
  if (after.record?.action != null && after.record.time !== before.record?.time) lines.push(decisionWords(after.record))
  // Events that occurred before the first reading are not reported.
  if (before.atSeconds > 0) lines.push(...newEvents(before.rollouts, after.rollouts).map(({ reason, message }) => `${reason}: ${message}`))
  return lines
}
const stateWords = { starting: 'starting', ready: 'ready', draining: 'draining', silent: 'does not answer Prometheus' }

/** Converts a record of the scaler's decision log to a decision for the live page. */
export function decisionOf(record: TickRecord): EmbeddedState['decisions'][number] {
  const { currentReplicas, desiredReplicas, rescaleReason } = record.decision
  return { time: record.time, current: currentReplicas, desired: desiredReplicas, reason: rescaleReason, text: decisionWords(record) }
}
