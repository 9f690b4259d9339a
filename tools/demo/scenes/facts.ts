/** Defines the conditions that scenes wait for and the measurements that they make. Pure. */
import type { ReplicaReading } from '@lab/host/readings.ts'
import type { Readings } from '@lab/lab/lab.ts'
import type { Measured } from '../core/events.ts'
import { figureOf } from '../core/figures.ts'
import type { Fact, Met } from '../core/scene.ts'

/** Measures the time from when one condition was met until another was met. */
export const between = (earlier: Met, later: Met): Measured => ({
  value: Math.round((later.atSeconds - earlier.atSeconds) * 10) / 10,
  unit: 's',
  source: "the director's clock, from one fact to another",
})

/** Measures the time from the start of the wait for the first condition until the second condition was met. */
export const fromWaitingFor = (earlier: Met, later: Met): Measured => {
  const { value, ...rest } = between(earlier, later)
  return { value: Math.round((earlier.took.value + value) * 10) / 10, ...rest }
}

export const ready = ({ replicas }: Readings): readonly ReplicaReading[] => replicas.filter(({ state }) => state === 'ready')
export const sockets = (now: Readings): number => figureOf('sockets', now) ?? 0

/** Counters of the load generator's clients. */
const counters = {
  reconnects: { unit: '', source: "the load's clients: reconnects" },
  moves: { unit: '', source: "the load's clients: sessions resumed on another replica" },
  lost: { unit: 'messages', source: "the load's clients: room messages known to be lost" },
} as const

/** Returns a counter's increase between two readings; null if the lab does not have this counter. */
export function gained(counter: keyof typeof counters, earlier: Readings, later: Readings): Measured | null {
  const [from, to] = [earlier[counter], later[counter]]
  return from === null || to === null ? null : { value: to - from, ...counters[counter] }
}

/** Condition that exactly `count` replicas exist and all of them are ready. */
export const replicasAre =
  (count: number): Fact =>
  (now) =>
    ready(now).length === count && now.replicas.length === count

/**
 * Condition that all replicas are ready, that there are at least `atLeast` of them, and that their number equals the scaler's desired
 * number.
 */
export const replicasAsWanted =
  (atLeast: number): Fact =>
  (now) => {
    const { length } = ready(now)
    return length >= atLeast && replicasAre(length)(now) && (now.scaler === null || now.scaler.desired === length)
  }

/** Condition that at least `wanted` sockets are open. Clients other than the load may also have open sockets. */
export const socketsOpen =
  (wanted: number): Fact =>
  (now) =>
    sockets(now) >= wanted

/** Allowance for the sockets of other clients, such as a test client page. */
const otherSockets = 10

/** Returns whether a replica still exists and has not been replaced by another replica with the same name. */
export const isThere = ({ id, startedAtSeconds }: ReplicaReading, now: Readings): boolean =>
  now.replicas.some((one) => one.id === id && one.startedAtSeconds === startedAtSeconds)

/** Condition that the load has between `near` and `wanted` open sockets, plus an allowance for other clients. */
export const socketsAre =
  (wanted: number, near: number): Fact =>
  (now) =>
    sockets(now) >= near && sockets(now) <= wanted + otherSockets

/** Condition that the replica no longer exists and at least `wanted` sockets are open on the other replicas. */
export const goneAndMoved =
  (replica: ReplicaReading, wanted: number): Fact =>
  (now) =>
    !isThere(replica, now) && sockets(now) >= wanted

/** Observes the number of ready replicas in each reading, and reports the lowest number. */
export function fewestReady() {
  let fewest = Number.POSITIVE_INFINITY
  return {
    seeing:
      (fact: Fact): Fact =>
      (now) => {
        fewest = Math.min(fewest, ready(now).length)
        return fact(now)
      },
    number: (): Measured => ({ value: fewest, unit: 'replicas', source: 'the lowest number of ready replicas in any reading' }),
  }
}

/** Observes how fast clients reconnect in each reading, and reports the highest rate. */
export function quickestReturn() {
  let before: { at: number; count: number } | undefined
  let most = 0
  const observe = ({ atSeconds: at, reconnects: count }: Readings): void => {
    if (count === null || (before !== undefined && at - before.at < 1)) return
    if (before !== undefined) most = Math.max(most, (count - before.count) / (at - before.at))
    before = { at, count }
  }
  return {
    observe,
    seeing:
      (fact: Fact): Fact =>
      (now) => {
        observe(now)
        return fact(now)
      },
    number: (): Measured => ({
      value: Math.round(most),
      unit: 'sockets/s',
      source: "the load's clients: reconnects, over a second or more",
    }),
  }
}

/** Observes the scaler's decisions in each reading, and reports how often the desired number of replicas changed. */
export function decisionChanges() {
  const seen = new Map<string, number>()
  return {
    seeing:
      (fact: Fact): Fact =>
      (now) => {
        for (const { time, desired } of now.decisions) if (desired !== null) seen.set(time, desired)
        return fact(now)
      },
    /**
     * @param since ISO 8601 time; only decisions after this time are counted, and the first of them is compared with the decision before it
     */
    number: (since: string): Measured => {
      const ordered = [...seen].sort(([a], [b]) => (a < b ? -1 : 1))
      const value = ordered.filter(([time, desired], index) => time > since && index > 0 && ordered[index - 1]?.[1] !== desired).length
      return { value, unit: '', source: "the scaler's records: decisions whose desired number differs from the previous decision" }
    },
  }
}

/** Condition that the scaler has made at least `count` decisions since the given time. */
export const decisionsAfter =
  (time: string, count: number): Fact =>
  ({ decisions }) =>
    decisions.filter((decision) => decision.time > time).length >= count

/** Returns the time of the scaler's last decision; if there is none, returns an empty string, which sorts before any time. */
export const lastDecision = ({ decisions }: Readings): string => decisions.at(-1)?.time ?? ''
