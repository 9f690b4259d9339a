/**
 * How replicas share sockets evenly after new ones came: who holds clearly more than the mean asks a few of its sockets
 * to come back elsewhere, until it holds the mean.
 * Pure: time, the table of replicas and the sockets held come in, how many to say goodbye to comes back.
 *
 * Every replica decides alone, on a table in which each entry may be a few seconds old. So that all of them together still
 * keep to one rate, each takes its own excess at the least, and everybody else's at the most, that it has seen within
 * `settleMs`: then the shares never add up to more than the whole, as long as no entry is older than that.
 */
import type { ReplicaState } from '@lab/contract/metrics.ts'

export interface RebalanceSettings {
  /** Share of all sockets that may be told to move per second, by all replicas together. 0 to 1. */
  ratePerSecond: number
  /** A replica begins when it holds more than this many times the mean, and ends at the mean. */
  startAbove: number
  /** Nor does it begin for fewer sockets too many than this. */
  leastExcess: number
  /** How long the set of replicas must have been the same, and how old an entry of the table may be. */
  settleMs: number
  /** How long to leave it when clients keep coming back here. */
  restMs: number
}

export const rebalanceSettings: RebalanceSettings = {
  ratePerSecond: 0.02,
  startAbove: 1.1,
  leastExcess: 5,
  settleMs: 3_500,
  restMs: 300_000,
}

/** A line of the table of replicas. */
export interface Load {
  id: string
  state: ReplicaState
  connections: number
}

interface Seen {
  atMs: number
  /** Sockets of each ready replica, by id. */
  connections: ReadonlyMap<string, number>
}

export interface RebalanceState {
  phase: 'even' | 'shedding' | 'resting'
  /** Tables of the last `settleMs`, with the same replicas in each. */
  seen: readonly Seen[]
  /** When the latest goodbyes were said. */
  saidAtMs: number
  /** Goodbyes left to say before we conclude that they don't help. */
  allowance: number
  restUntilMs: number
}

export interface RebalanceInput {
  nowMs: number
  /** This replica's id. */
  self: string
  /** Sockets held here that have not been told to go. */
  staying: number
  table: readonly Load[]
}

export interface RebalanceStep {
  state: RebalanceState
  /** How many sockets to say goodbye to now. */
  goodbyes: number
}

/** Nothing seen, nothing said. */
export function startRebalance(): RebalanceState {
  return { phase: 'even', seen: [], saidAtMs: Number.NEGATIVE_INFINITY, allowance: 0, restUntilMs: Number.NEGATIVE_INFINITY }
}

/** One step; call it several times a second. Times by any steady clock. */
export function stepRebalance(settings: RebalanceSettings, before: RebalanceState, input: RebalanceInput): RebalanceStep {
  const { nowMs, self, staying, table } = input
  const ready = table.filter(({ state }) => state === 'ready')
  const leaving = table.some(({ state }) => state === 'draining')
  // While a replica leaves, its sockets come to the others, and in a rolling update the next one leaves right after.
  if (leaving || ready.length < 2 || !ready.some(({ id }) => id === self)) return none({ ...before, phase: stopped(before), seen: [] })

  const connections = new Map(ready.map(({ id, connections }) => [id, connections]))
  const seen = remember(before.seen, { atMs: nowMs, connections }, settings.settleMs)
  const settled = nowMs - (seen[0]?.atMs ?? nowMs) >= settings.settleMs
  if (!settled) return none({ ...before, seen })
  const mean = sum(connections.values()) / ready.length
  const bounds = boundsOf(seen)
  const state = { ...changePhase(settings, before, input, { ready, mean, bounds }), seen }
  if (state.phase !== 'shedding') return none(state)

  const perSecond = settings.ratePerSecond * bounds.total.least * shareOf(self, bounds)
  // A share of less than one socket per second is one socket, less often.
  const pauseMs = Math.max(1000, 1000 / perSecond)
  if (nowMs - state.saidAtMs < pauseMs) return none(state)
  const goodbyes = Math.min(Math.max(1, Math.floor(perSecond)), Math.ceil(staying - mean), state.allowance)
  return { state: { ...state, saidAtMs: nowMs, allowance: state.allowance - goodbyes }, goodbyes }
}

function none(state: RebalanceState): RebalanceStep {
  return { state, goodbyes: 0 }
}

function stopped({ phase }: RebalanceState): RebalanceState['phase'] {
  return phase === 'shedding' ? 'even' : phase
}

/** Begins when there is clearly too much here, ends at the mean, and rests when all that it should have taken did not help. */
function changePhase(
  settings: RebalanceSettings,
  state: RebalanceState,
  { nowMs, self, staying }: RebalanceInput,
  { ready, mean, bounds }: { ready: readonly Load[]; mean: number; bounds: Bounds },
): RebalanceState {
  switch (state.phase) {
    case 'even': {
      // At all times lately: while many clients connect, what a replica knows of itself is always ahead of what it knows of others.
      const least = bounds.each.get(self)?.least ?? 0
      const clearly = Math.min(staying, least) > (bounds.total.most / ready.length) * settings.startAbove
      if (!clearly || staying - mean < settings.leastExcess) return state
      // The router hands those who come back to all replicas in turn, so only a part of them really leaves, and those that
      // other replicas send away come here as well.
      const leaveFor = ready.filter(({ connections }) => connections <= mean).length
      const excess =
        staying + sum(ready.map(({ id, connections }) => (id === self ? 0 : Math.max(mean, connections)))) - mean * ready.length
      return { ...state, phase: 'shedding', allowance: Math.ceil((2 * excess * ready.length) / Math.max(1, leaveFor)) }
    }
    case 'shedding':
      if (staying <= mean) return { ...state, phase: 'even' }
      if (state.allowance <= 0) return { ...state, phase: 'resting', restUntilMs: nowMs + settings.restMs }
      return state
    case 'resting':
      return nowMs >= state.restUntilMs ? { ...state, phase: 'even' } : state
  }
}

/** Adds a table and drops what is too old, but for one that shows how far back we can look. Other replicas: begins anew. */
function remember(seen: readonly Seen[], latest: Seen, settleMs: number): Seen[] {
  const before = seen.at(-1)?.connections
  const same =
    before !== undefined && before.size === latest.connections.size && [...latest.connections.keys()].every((id) => before.has(id))
  if (!same) return [latest]
  const all = [...seen, latest]
  const firstNeeded = all.findLastIndex(({ atMs }) => latest.atMs - atMs >= settleMs)
  return firstNeeded > 0 ? all.slice(firstNeeded) : all
}

/**
 * What a replica's part of the rate goes by: nothing at the mean, and above it what it holds beyond half the mean. The mere
 * excess would, when it is small, look so different in tables of different age that most of the rate went unused.
 */
function weight(connections: number, mean: number): number {
  return connections > mean ? connections - mean / 2 : 0
}

interface Range {
  least: number
  most: number
}

interface Bounds {
  total: Range
  each: ReadonlyMap<string, Range>
}

/** The least and the most that the tables say, of each replica and of all together. */
function boundsOf(seen: readonly Seen[]): Bounds {
  const range = (values: number[]): Range => ({ least: Math.min(...values), most: Math.max(...values) })
  const ids = [...(seen[0]?.connections.keys() ?? [])]
  return {
    total: range(seen.map(({ connections }) => sum(connections.values()))),
    each: new Map(ids.map((id) => [id, range(seen.map(({ connections }) => connections.get(id) ?? 0))])),
  }
}

/** This replica's part of the rate, 0 to 1, whatever the others have seen. */
function shareOf(self: string, { total, each }: Bounds): number {
  const own = weight(each.get(self)?.least ?? 0, total.most / each.size)
  let others = 0
  for (const [id, { most }] of each) if (id !== self) others += weight(most, total.least / each.size)
  return own === 0 ? 0 : own / (own + others)
}

function sum(values: Iterable<number>): number {
  let total = 0
  for (const value of values) total += value
  return total
}
