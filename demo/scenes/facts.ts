/** What scenes wait for, and count. Pure. */
import type { Measured } from '../core/events.ts'
import type { Fact, Met } from '../core/scene.ts'
import { figureOf, type Readings, type ReplicaSeen } from '../core/stage.ts'

/** From one fact to another. */
export const between = (earlier: Met, later: Met): Measured => ({
  value: Math.round((later.atSeconds - earlier.atSeconds) * 10) / 10,
  unit: 's',
  source: "the director's clock, from one fact to another",
})

/** From when one fact began to be waited for to another. */
export const fromWaitingFor = (earlier: Met, later: Met): Measured => {
  const { value, ...rest } = between(earlier, later)
  return { value: Math.round((earlier.took.value + value) * 10) / 10, ...rest }
}

export const ready = ({ replicas }: Readings): readonly ReplicaSeen[] => replicas.filter(({ state }) => state === 'ready')
export const sockets = (now: Readings): number => figureOf('sockets', now) ?? 0

/** What the load's clients count. */
const counters = {
  reconnects: { unit: '', source: "the load's clients: dials after a break" },
  moves: { unit: '', source: "the load's clients: sessions that went on elsewhere" },
  lost: { unit: 'messages', source: "the load's clients: room messages known to be missing" },
} as const

/** How much a counter has gained from one reading to another; null: this lab cannot tell. */
export function gained(counter: keyof typeof counters, earlier: Readings, later: Readings): Measured | null {
  const [from, to] = [earlier[counter], later[counter]]
  return from === null || to === null ? null : { value: to - from, ...counters[counter] }
}

/** So many replicas are ready, and no other is there. */
export const replicasAre =
  (count: number): Fact =>
  (now) =>
    ready(now).length === count && now.replicas.length === count

/** As many are ready as the scaler wants, at least so many, and no other is there. */
export const replicasAsWanted =
  (atLeast: number): Fact =>
  (now) => {
    const { length } = ready(now)
    return length >= atLeast && replicasAre(length)(now) && (now.scaler === null || now.scaler.desired === length)
  }

/** All sockets of the load are open; somebody else may have one open too. */
export const socketsOpen =
  (wanted: number): Fact =>
  (now) =>
    sockets(now) >= wanted

/** Others than the load's, such as those of a test client page. */
const strangers = 10
/** A replica is there under its name, and is still the same one. */
export const isThere = ({ id, startedAtSeconds }: ReplicaSeen, now: Readings): boolean =>
  now.replicas.some((one) => one.id === id && one.startedAtSeconds === startedAtSeconds)

/** Of the load's sockets so many are open, whoever else has some. */
export const socketsAre =
  (wanted: number, near: number): Fact =>
  (now) =>
    sockets(now) >= near && sockets(now) <= wanted + strangers

/** It is gone, and the others hold all sockets. */
export const goneAndMoved =
  (replica: ReplicaSeen, wanted: number): Fact =>
  (now) =>
    !isThere(replica, now) && sockets(now) >= wanted

/** Looks at each reading and keeps the lowest number of ready replicas. */
export function fewestReady() {
  let fewest = Number.POSITIVE_INFINITY
  return {
    seeing:
      (fact: Fact): Fact =>
      (now) => {
        fewest = Math.min(fewest, ready(now).length)
        return fact(now)
      },
    number: (): Measured => ({ value: fewest, unit: 'replicas', source: 'the fewest that were ready at any look' }),
  }
}

/** Looks at each reading and keeps how quickly clients came back at most. */
export function quickestReturn() {
  let before: { at: number; count: number } | undefined
  let most = 0
  const look = ({ atSeconds: at, reconnects: count }: Readings): void => {
    if (count === null || (before !== undefined && at - before.at < 1)) return
    if (before !== undefined) most = Math.max(most, (count - before.count) / (at - before.at))
    before = { at, count }
  }
  return {
    look,
    seeing:
      (fact: Fact): Fact =>
      (now) => {
        look(now)
        return fact(now)
      },
    number: (): Measured => ({
      value: Math.round(most),
      unit: 'sockets/s',
      source: "the load's clients: dials after a break, over a second or more",
    }),
  }
}

/** Looks at each reading and counts how often the scaler changed its mind. */
export function changesOfMind() {
  const seen = new Map<string, number>()
  return {
    seeing:
      (fact: Fact): Fact =>
      (now) => {
        for (const { time, desired } of now.decisions) if (desired !== null) seen.set(time, desired)
        return fact(now)
      },
    /** @param since ISO 8601: what was wanted at the last decision before it is what the first one is compared with */
    number: (since: string): Measured => {
      const ordered = [...seen].sort(([a], [b]) => (a < b ? -1 : 1))
      const value = ordered.filter(([time, desired], index) => time > since && index > 0 && ordered[index - 1]?.[1] !== desired).length
      return { value, unit: '', source: "the scaler's records: decisions that want another number than the one before" }
    },
  }
}

/** So many decisions were taken after that one. */
export const decisionsAfter =
  (time: string, count: number): Fact =>
  ({ decisions }) =>
    decisions.filter((decision) => decision.time > time).length >= count

/** When the scaler decided last; what is before all decisions when it never did. */
export const lastDecision = ({ decisions }: Readings): string => decisions.at(-1)?.time ?? ''
