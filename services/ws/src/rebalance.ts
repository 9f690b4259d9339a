/**
 * Rebalances sockets between replicas after new replicas have started: a replica with significantly more sockets than the mean asks some of
 * its clients to reconnect, until it has reached the mean. The functions are pure: they take the time, the table of replicas and the number
 * of sockets as parameters, and return the number of goodbye messages to send.
 *
 * Every replica decides on its own, based on a table whose entries may be a few seconds old. All replicas together must not exceed the
 * total rate of goodbye messages. To compute its share of the rate, each replica uses its own smallest number of sockets and the other
 * replicas' largest numbers of sockets within the last `settleMs`. As long as no table entry is older than `settleMs`, the replicas' shares
 * never add up to more than 1.
 */
import type { ReplicaState } from '@lab/contract/metrics.ts'

export interface RebalanceSettings {
  /** Fraction of all sockets, from 0 to 1, whose clients may be asked to reconnect per second by all replicas together. */
  ratePerSecond: number
  /** A replica starts shedding sockets when it has more than `startAbove` times the mean number of sockets, and stops at the mean. */
  startAbove: number
  /** Minimum number of sockets above the mean at which a replica starts shedding sockets. */
  leastExcess: number
  /** How long the set of replicas must remain unchanged before rebalancing starts; also the maximum age of a table entry. Milliseconds. */
  settleMs: number
  /** How long rebalancing pauses when clients keep returning to the same replica. Milliseconds. */
  restMs: number
}

export const rebalanceSettings: RebalanceSettings = {
  ratePerSecond: 0.02,
  startAbove: 1.1,
  leastExcess: 5,
  settleMs: 3_500,
  restMs: 300_000,
}

/** An entry in the table of replicas. */
export interface Load {
  id: string
  state: ReplicaState
  connections: number
}

interface Seen {
  atMs: number
  /** Number of sockets on each ready replica, by replica id. */
  connections: ReadonlyMap<string, number>
}

export interface RebalanceState {
  phase: 'even' | 'shedding' | 'resting'
  /** The tables of replicas read within the last `settleMs`, all with the same set of replicas. */
  seen: readonly Seen[]
  /** Time at which this replica last sent goodbye messages. */
  saidAtMs: number
  /** Number of goodbye messages that may still be sent before rebalancing pauses for lack of effect. */
  allowance: number
  restUntilMs: number
}

export interface RebalanceInput {
  nowMs: number
  /** This replica's id. */
  self: string
  /** Number of sockets on this replica whose clients have not been asked to reconnect. */
  staying: number
  table: readonly Load[]
  /** During a rollout, replicas do not rebalance, because the rollout itself moves clients from old replicas to new ones. */
  rollingOut: boolean
}

export interface RebalanceStep {
  state: RebalanceState
  /** Number of goodbye messages to send now. */
  goodbyes: number
}

/** Returns the initial rebalancing state. */
export function startRebalance(): RebalanceState {
  return { phase: 'even', seen: [], saidAtMs: Number.NEGATIVE_INFINITY, allowance: 0, restUntilMs: Number.NEGATIVE_INFINITY }
}

/** Performs one step. Call this function several times per second. All times are taken from a monotonic clock. */
export function stepRebalance(settings: RebalanceSettings, before: RebalanceState, input: RebalanceInput): RebalanceStep {
  const { nowMs, self, staying, table, rollingOut } = input
  const ready = table.filter(({ state }) => state === 'ready')
  // A draining replica's sockets move to the other replicas, and in a rolling update, the next replica drains soon afterwards.
  const leaving = rollingOut || table.some(({ state }) => state === 'draining')
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
  // If the rate is below one socket per second, clients are asked to reconnect one at a time, more than a second apart.
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

/**
 * A replica starts shedding sockets when it has significantly more sockets than the mean, stops when it has reached the mean, and pauses if
 * its goodbye messages have had no effect.
 */
function changePhase(
  settings: RebalanceSettings,
  state: RebalanceState,
  { nowMs, self, staying }: RebalanceInput,
  { ready, mean, bounds }: { ready: readonly Load[]; mean: number; bounds: Bounds },
): RebalanceState {
  switch (state.phase) {
    case 'even': {
      // A replica starts shedding sockets only if it has had significantly more sockets than the mean throughout the last `settleMs`.
      // While many clients are connecting, a replica's own socket count is newer than its counts for the other replicas.
      const least = bounds.each.get(self)?.least ?? 0
      const clearly = Math.min(staying, least) > (bounds.total.most / ready.length) * settings.startAbove
      if (!clearly || staying - mean < settings.leastExcess) return state
      // The router distributes reconnecting clients across all replicas, so some of them return to this replica.
      // Clients that leave other overloaded replicas may also reconnect to this replica.
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

/**
 * Remembers the latest table of replicas, and drops older tables that are not needed to cover the last `settleMs`. When the set of replicas
 * changes, all earlier tables are dropped.
 */
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
 * Returns the weight that determines a replica's share of the total rate: 0 if the replica has at most the mean number of sockets,
 * otherwise its number of sockets minus half the mean. The number of sockets above the mean would be a poor weight: replicas learn of each
 * other's socket counts with different delays, so their shares would add up to much less than 1.
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

/**
 * Returns the smallest and largest socket counts in the remembered tables of replicas, both for each replica and for all replicas together.
 */
function boundsOf(seen: readonly Seen[]): Bounds {
  const range = (values: number[]): Range => ({ least: Math.min(...values), most: Math.max(...values) })
  const ids = [...(seen[0]?.connections.keys() ?? [])]
  return {
    total: range(seen.map(({ connections }) => sum(connections.values()))),
    each: new Map(ids.map((id) => [id, range(seen.map(({ connections }) => connections.get(id) ?? 0))])),
  }
}

/** Returns this replica's share of the total rate of goodbye messages, from 0 to 1. The replicas' shares never add up to more than 1. */
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
