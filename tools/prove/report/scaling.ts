/** Computes when replicas started and exited, which decisions caused these changes, and how long each change took. Pure. */
import type { Scaling } from './schema.ts'

/** An event in the life of a replica, such as its start or exit. */
export interface ContainerEvent {
  atMs: number
  /** As in ws-4. */
  replica: string
  what: 'started' | 'ready' | 'unready' | 'gone'
}

/** A change in the number of replicas, and the reason for it. */
export interface ScaleDecision {
  atMs: number
  from: number
  to: number
  /** The reason for the change, as text. */
  reason: string
  tookSeconds: number
  /** Names of the replicas that the decision removed. */
  removed: readonly string[]
}

/** A time at which the load begins to require more or fewer replicas. */
export interface Demand {
  atMs: number
  direction: 'up' | 'down'
  text: string
}

export interface Scaled {
  by: Scaling['by']
  timeScale: number | null
  synchronisations: number
  decisions: readonly ScaleDecision[]
  demands: readonly Demand[]
  events: readonly ContainerEvent[]
  /** Replicas that were already running when the run began. */
  atStart: readonly string[]
  /** When each new client was accepted, and by which replica. */
  greetings: readonly { atMs: number; replica: string }[]
  faults: readonly { atMs: number; text: string }[]
}

/** The period of the run during which a replica was running. */
export interface Life {
  replica: string
  fromMs: number
  toMs: number
}

/** A run's scale-up times: for each time that replicas were added, how long it took until a new replica received its first socket. */
export interface Growth {
  by: Scaling['by']
  timeScale: number | null
  /**
   * If a scaler decides, the scale-up time starts when the load begins to require more replicas (`demand`); if the run itself decides, it
   * starts when the run requests more replicas (`request`).
   */
  from: 'demand' | 'request'
  /** The scale-up times in seconds, in chronological order; a time is null if none of the new replicas received a socket. */
  seconds: (number | null)[]
}

type Moment = Scaling['timeline'][number]

export function livesOf(events: readonly ContainerEvent[], atStart: readonly string[], [fromMs, toMs]: readonly [number, number]): Life[] {
  const since = new Map(atStart.map((replica) => [replica, fromMs]))
  const lives: Life[] = []
  const end = (replica: string, atMs: number) => {
    const began = since.get(replica)
    since.delete(replica)
    const life = { replica, fromMs: Math.max(fromMs, began ?? atMs), toMs: Math.min(toMs, atMs) }
    if (began !== undefined && life.toMs > life.fromMs) lives.push(life)
  }
  for (const { atMs, replica, what } of events) {
    if (what === 'started' && !since.has(replica)) since.set(replica, atMs)
    if (what === 'gone') end(replica, atMs)
  }
  for (const replica of [...since.keys()]) end(replica, toMs)
  return lives
}

/** @param window start and end of the run in Unix milliseconds */
export function scalingOf(scaled: Scaled, window: readonly [number, number]): Scaling {
  const { by, timeScale, synchronisations, decisions } = scaled
  const at = (atMs: number) => round((atMs - window[0]) / 1000)
  const ups = decisions.filter(({ from, to }) => to > from).map((decision) => upOf(decision, scaled, at))
  return {
    by,
    timeScale,
    synchronisations,
    ups,
    timeline: timelineOf(scaled, ups, at).filter(({ atSeconds }) => atSeconds >= 0 && atSeconds <= at(window[1])),
    replicas: curveOf(scaled, window, at),
  }
}

/**
 * Returns the steps of one scale-up: the load begins to require more replicas, the decision is made, a new replica becomes ready, and a new
 * replica receives its first socket.
 */
function upOf({ atMs, from, to }: ScaleDecision, scaled: Scaled, at: (atMs: number) => number): Scaling['ups'][number] {
  const { demands, decisions, events, greetings } = scaled
  // If an earlier decision added too few replicas, the scale-up time is still measured from the moment when the load began to require more.
  const demand = demands.findLast((one) => one.direction === 'up' && one.atMs <= atMs)
  const nextUp = decisions.find((other) => other.atMs > atMs && other.to > other.from)
  const added = new Set(
    events
      .filter(({ what, atMs: when }) => what === 'started' && when >= atMs && when < (nextUp?.atMs ?? Number.POSITIVE_INFINITY))
      .slice(0, to - from)
      .map(({ replica }) => replica),
  )
  const ready = events.find(({ what, atMs: when, replica }) => what === 'ready' && when >= atMs && added.has(replica))
  const first = greetings.find(({ atMs: when, replica }) => when >= atMs && added.has(replica))
  return {
    from,
    to,
    replica: first?.replica ?? ready?.replica ?? null,
    demandAtSeconds: demand === undefined ? null : at(demand.atMs),
    decisionAtSeconds: at(atMs),
    readyAtSeconds: ready === undefined ? null : at(ready.atMs),
    firstSocketAtSeconds: first === undefined ? null : at(first.atMs),
  }
}

export function growthOf({ by, timeScale, ups }: Scaling): Growth {
  const from = by === 'scaler' ? 'demand' : 'request'
  const seconds = ups.map(({ demandAtSeconds, decisionAtSeconds, firstSocketAtSeconds }) => {
    const since = from === 'demand' ? demandAtSeconds : decisionAtSeconds
    return since === null || firstSocketAtSeconds === null ? null : round(firstSocketAtSeconds - since)
  })
  return { by, timeScale, from, seconds }
}

const words = { started: 'is started', ready: 'is ready', gone: 'has ended' } as const

function timelineOf({ demands, decisions, events, faults }: Scaled, ups: Scaling['ups'], at: (atMs: number) => number): Moment[] {
  const moments: Moment[] = [
    ...demands.map(({ atMs, text }): Moment => ({ atSeconds: at(atMs), kind: 'demand', text })),
    ...decisions.map(
      ({ atMs, from, to, reason }): Moment => ({ atSeconds: at(atMs), kind: 'decision', text: decisionText(from, to, reason) }),
    ),
    ...events.flatMap(({ atMs, replica, what }): Moment[] =>
      what === 'unready' ? [] : [{ atSeconds: at(atMs), kind: what, text: `${replica} ${words[what]}` }],
    ),
    ...ups.flatMap(({ firstSocketAtSeconds, replica }): Moment[] =>
      firstSocketAtSeconds === null || replica === null
        ? []
        : [{ atSeconds: firstSocketAtSeconds, kind: 'first socket', text: `${replica} has its first socket` }],
    ),
    ...faults.map(({ atMs, text }): Moment => ({ atSeconds: at(atMs), kind: 'fault', text })),
  ]
  return moments.sort((a, b) => a.atSeconds - b.atSeconds)
}

/** Returns the reason, preceded by the change in the number of replicas unless the reason already states it. */
function decisionText(from: number, to: number, reason: string): string {
  const change = `${from} → ${to}`
  return reason.includes(change) ? reason : `${change}: ${reason}`
}

function curveOf(
  { events, atStart }: Scaled,
  [fromMs, toMs]: readonly [number, number],
  at: (atMs: number) => number,
): Scaling['replicas'] {
  const running = new Set(atStart)
  const ready = new Set(atStart)
  const curve = [{ atSeconds: 0, running: running.size, ready: ready.size }]
  for (const { atMs, replica, what } of events) {
    if (atMs < fromMs || atMs > toMs) continue
    if (what === 'started') running.add(replica)
    if (what === 'ready') ready.add(replica)
    if (what === 'gone') running.delete(replica)
    if (what === 'gone' || what === 'unready') ready.delete(replica)
    const last = curve.at(-1)
    if (last?.running !== running.size || last.ready !== ready.size)
      curve.push({ atSeconds: at(atMs), running: running.size, ready: ready.size })
  }
  return [...curve, { atSeconds: at(toMs), running: running.size, ready: ready.size }]
}

function round(value: number): number {
  return Math.round(value * 100) / 100
}
