/**
 * The load scenarios define how many sockets are open at what time, and which messages they send. Pure.
 * A load curve starts at zero sockets and is linear between its points, so the load rises gradually.
 */

/**
 * A point on the load curve, reached `seconds` after the previous point; `share` is the fraction of the peak number of sockets that are
 * open at this point.
 */
export interface Stage {
  seconds: number
  share: number
}

/** Defines which sockets join rooms, and what fraction of their messages goes to the room. */
export interface RoomUse {
  /** Interval between the sockets that join a room: with an interval of n, every n-th socket joins a room. */
  every: number
  /** Number of sockets that share a room. */
  members: number
  /**
   * Fraction (0 to 1) of a member's messages that are sent to the room. Messages that are not sent to a room are only echoed to their
   * sender.
   */
  share: number
}

export interface Scenario {
  purpose: string
  /** Number of open sockets at the peak of the load curve. */
  sockets: number
  stages: readonly Stage[]
  /** The load curve that is used if SHORT=1 is set: a shorter curve for quick trials and for tests. */
  short: readonly Stage[]
  /** The default is `ordinary.rooms`. */
  rooms?: RoomUse
  /** Whether each user stays until the load curve falls, and rarely sends a message; otherwise, users make one short visit after another. */
  held?: boolean
  /** Number of sockets per virtual user. The default is `ordinary.socketsPerVu`. */
  socketsPerVu?: number
}

/** Default settings, which apply to every scenario that does not override them. */
export const ordinary = {
  rooms: { every: 5, members: 10, share: 0.5 },
  // Each k6 virtual user (VU) runs its own event loop. If a VU has more than about 100 sockets, event loop delays distort the measurement.
  socketsPerVu: 50,
} as const satisfies Pick<Scenario, 'rooms' | 'socketsPerVu'>

/**
 * The behaviour of a user, in ranges from which k6 chooses at random. Times
 * are in milliseconds, and the size of a message is in characters.
 */
export const visits = {
  stayMs: [15_000, 45_000],
  /** Time from the start of a visit to its first message, and between two messages. */
  firstMessageMs: [100, 3000],
  betweenMessagesMs: [2000, 5000],
  messageCharacters: [20, 200],
  /** Time between two visits. */
  pauseMs: [50, 500],
} as const satisfies Record<string, readonly [number, number]>

/** In a scenario whose sockets are held, the time between two messages is this many times longer. */
export const heldFactor = 10

/** Room settings with which every socket joins a room and sends all its messages to that room. */
const onlyRooms: RoomUse = { every: 1, members: 10, share: 1 }

const upHoldDown = (up: number, hold: number, down: number): readonly Stage[] => [
  { seconds: up, share: 1 },
  { seconds: hold, share: 1 },
  { seconds: down, share: 0 },
]

/** The load is initially one tenth of the peak, rises to the full peak within `edge` seconds, and then falls back to one tenth. */
const spikeStages = (calm: number, peak: number, edge: number): readonly Stage[] => [
  { seconds: edge, share: 0.1 },
  { seconds: calm, share: 0.1 },
  { seconds: edge, share: 1 },
  { seconds: peak, share: 1 },
  { seconds: edge, share: 0.1 },
  { seconds: calm, share: 0.1 },
  { seconds: edge, share: 0 },
]

/** docs/load.md lists the scenarios in the same order and with the same descriptions as this file. */
export const scenarios = {
  default: { purpose: '300 sockets for a minute', sockets: 300, stages: upHoldDown(10, 45, 5), short: upHoldDown(5, 12, 3) },
  smoke: { purpose: 'ten sockets for a few seconds', sockets: 10, stages: upHoldDown(3, 15, 2), short: upHoldDown(1, 6, 1) },
  ramp: { purpose: 'a slow rise to 1,000 sockets', sockets: 1000, stages: upHoldDown(180, 60, 30), short: upHoldDown(30, 10, 5) },
  stress: { purpose: '2,000 sockets for ten minutes', sockets: 2000, stages: upHoldDown(60, 600, 30), short: upHoldDown(20, 30, 5) },
  spike: {
    purpose: 'from 500 to 5,000 sockets in ten seconds',
    sockets: 5000,
    stages: spikeStages(30, 60, 10),
    short: spikeStages(5, 10, 5),
  },
  hold: {
    purpose: 'a constant number of sockets for a quarter of an hour',
    sockets: 300,
    stages: upHoldDown(5, 890, 5),
    short: upHoldDown(2, 20, 2),
  },
  soak: {
    purpose: '500 sockets for an hour, to check whether memory grows',
    sockets: 500,
    stages: upHoldDown(20, 3600, 10),
    short: upHoldDown(10, 45, 5),
  },
  held: {
    purpose: '10,000 sockets for ten minutes, none of which may close',
    sockets: 10_000,
    stages: upHoldDown(60, 600, 20),
    short: upHoldDown(10, 20, 5),
    held: true,
    socketsPerVu: 100,
  },
  rooms: {
    purpose: '500 sockets for two minutes, all in rooms of ten',
    sockets: 500,
    stages: upHoldDown(10, 120, 5),
    short: upHoldDown(5, 25, 5),
    rooms: onlyRooms,
  },
  workers: {
    purpose: 'five workers with 500 sockets each, for five minutes',
    sockets: 2500,
    stages: upHoldDown(25, 300, 5),
    short: upHoldDown(20, 20, 5),
    socketsPerVu: 500,
  },
  ledger: {
    purpose: 'checks that no message is lost, duplicated or reordered, whatever fault you inject',
    sockets: 200,
    stages: upHoldDown(5, 110, 5),
    short: upHoldDown(5, 25, 5),
    rooms: onlyRooms,
  },
} as const satisfies Record<string, Scenario>
export type ScenarioName = keyof typeof scenarios

/** Returns the number of the room that the user in slot `index` joins, counting from 0, or undefined if the user joins no room. */
export function roomOf(index: number, { every, members }: RoomUse): number | undefined {
  return index % every === 0 ? Math.floor(index / (every * members)) : undefined
}

/** A period in which a load slot is in use; times are in milliseconds since the start of the scenario. */
export interface Interval {
  openAtMs: number
  closeAtMs: number
}

/** Returns the length of a load curve in milliseconds. */
export function curveLengthMs(stages: readonly Stage[]): number {
  return stages.reduce((sum, stage) => sum + stage.seconds * 1000, 0)
}

/** A point on a load curve in absolute numbers: `sockets` sockets are open `atMs` milliseconds after the start of the scenario. */
export interface Point {
  atMs: number
  sockets: number
}

/** Returns a scenario's load curve in absolute numbers. @param sockets number of sockets at the peak */
export function curveOf(stages: readonly Stage[], sockets: number): Point[] {
  const points: Point[] = [{ atMs: 0, sockets: 0 }]
  let atMs = 0
  for (const { seconds, share } of stages) {
    atMs += seconds * 1000
    points.push({ atMs, sockets: share * sockets })
  }
  return points
}

/**
 * Returns the load curve after its number of sockets was changed: from `atMs` on, the curve moves to the new number, and stays there until
 * the curve's final descent, in which all sockets close. A change during the final descent has no effect.
 */
export function changedCurve(curve: readonly Point[], { sockets, atMs }: Point, changeOverMs: number): readonly Point[] {
  const descent = curve.at(-2)
  const end = curve.at(-1)
  if (descent === undefined || end === undefined || atMs >= descent.atMs) return curve
  const reached = { atMs: Math.min(atMs + changeOverMs, descent.atMs), sockets }
  const before = curve.filter((point) => point.atMs < atMs)
  return [...before, { atMs, sockets: levelAt(curve, atMs) }, reached, { atMs: descent.atMs, sockets }, end]
}

function levelAt(curve: readonly Point[], atMs: number): number {
  const next = curve.findIndex((point) => point.atMs >= atMs)
  const [from, to] = [curve[next - 1], curve[next]]
  if (from === undefined || to === undefined) return to?.sockets ?? 0
  return from.sockets + ((to.sockets - from.sockets) * (atMs - from.atMs)) / (to.atMs - from.atMs)
}

/**
 * Returns the periods in which slot `index` is in use, that is, in which the load curve is above `index`. Slot 0 opens first and closes
 * last, so the number of slots in use always equals the height of the curve.
 */
export function slotIntervals(curve: readonly Point[], index: number): Interval[] {
  const intervals: Interval[] = []
  let from: Point = { atMs: 0, sockets: 0 }
  let openAtMs: number | undefined
  for (const to of curve) {
    const crossingMs = from.atMs + ((index + 0.5 - from.sockets) / (to.sockets - from.sockets)) * (to.atMs - from.atMs)
    if (openAtMs === undefined && to.sockets > index + 0.5) openAtMs = crossingMs
    else if (openAtMs !== undefined && to.sockets < index + 0.5) {
      intervals.push({ openAtMs, closeAtMs: crossingMs })
      openAtMs = undefined
    }
    from = to
  }
  if (openAtMs !== undefined) intervals.push({ openAtMs, closeAtMs: from.atMs })
  return intervals
}
