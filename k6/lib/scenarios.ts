/**
 * The named loads: how many sockets are open when, and what they do. Pure; numbers only.
 * A curve starts at zero sockets and is linear between its points, so a wished level is reached gently, never all at once.
 */

/** After `seconds` more, this share (0 to 1) of the peak is open. */
export interface Stage {
  seconds: number
  share: number
}

/** How much of a load goes through rooms. */
export interface RoomUse {
  /** One socket in so many belongs to a user of rooms. */
  every: number
  /** So many of those share a room. */
  members: number
  /** Share (0 to 1) of their messages that go to the room; the others are for the service alone. */
  share: number
}

export interface Scenario {
  purpose: string
  /** Sockets open at the peak. */
  sockets: number
  stages: readonly Stage[]
  /** The same shape in less time (SHORT=1), for a first look and for tests. */
  short: readonly Stage[]
  /** Without it: `ordinary.rooms`. */
  rooms?: RoomUse
  /** Sockets that one virtual user holds. Without it: `ordinary.socketsPerVu`. */
  socketsPerVu?: number
}

/** What a scenario does that says nothing else. */
export const ordinary = {
  rooms: { every: 5, members: 10, share: 0.5 },
  // A VU is one event loop: about a hundred sockets leave it time to measure well.
  socketsPerVu: 50,
} as const satisfies Pick<Scenario, 'rooms' | 'socketsPerVu'>

/** Every socket is in a room, and says nothing outside it. */
const onlyRooms: RoomUse = { every: 1, members: 10, share: 1 }

const upHoldDown = (up: number, hold: number, down: number): readonly Stage[] => [
  { seconds: up, share: 1 },
  { seconds: hold, share: 1 },
  { seconds: down, share: 0 },
]

/** A tenth of the peak, then all of it at once, then a tenth again. */
const spikeStages = (calm: number, peak: number, edge: number): readonly Stage[] => [
  { seconds: edge, share: 0.1 },
  { seconds: calm, share: 0.1 },
  { seconds: edge, share: 1 },
  { seconds: peak, share: 1 },
  { seconds: edge, share: 0.1 },
  { seconds: calm, share: 0.1 },
  { seconds: edge, share: 0 },
]

/** README.md lists them, too, in this order and with these words. */
export const scenarios = {
  default: { purpose: '300 sockets for a minute', sockets: 300, stages: upHoldDown(10, 45, 5), short: upHoldDown(5, 12, 3) },
  smoke: { purpose: 'a few sockets, a few seconds', sockets: 10, stages: upHoldDown(3, 15, 2), short: upHoldDown(1, 6, 1) },
  ramp: { purpose: 'slowly up to 1,000', sockets: 1000, stages: upHoldDown(180, 60, 30), short: upHoldDown(30, 10, 5) },
  stress: { purpose: '2,000 for ten minutes', sockets: 2000, stages: upHoldDown(60, 600, 30), short: upHoldDown(20, 30, 5) },
  spike: { purpose: 'from 500 to 5,000 in ten seconds', sockets: 5000, stages: spikeStages(30, 60, 10), short: spikeStages(5, 10, 5) },
  hold: { purpose: 'the same number for a quarter of an hour', sockets: 300, stages: upHoldDown(5, 890, 5), short: upHoldDown(2, 20, 2) },
  soak: { purpose: '500 for an hour: does memory grow?', sockets: 500, stages: upHoldDown(20, 3600, 10), short: upHoldDown(10, 45, 5) },
  rooms: {
    purpose: '500 for two minutes, all in rooms of ten',
    sockets: 500,
    stages: upHoldDown(10, 120, 5),
    short: upHoldDown(5, 25, 5),
    rooms: onlyRooms,
  },
  workers: {
    purpose: 'five workers with 500 each, for five minutes',
    sockets: 2500,
    stages: upHoldDown(25, 300, 5),
    short: upHoldDown(20, 20, 5),
    socketsPerVu: 500,
  },
  storm: {
    purpose: 'a replica with 2,000 dies: npm run storm',
    sockets: 2000,
    stages: upHoldDown(10, 60, 2),
    short: upHoldDown(10, 40, 2),
  },
  ledger: {
    purpose: 'nothing may be lost, doubled or reordered, whatever you break',
    sockets: 200,
    stages: upHoldDown(5, 110, 5),
    short: upHoldDown(5, 25, 5),
    rooms: onlyRooms,
  },
} as const satisfies Record<string, Scenario>
export type ScenarioName = keyof typeof scenarios

/**
 * Which room the user of slot `index` is in, counted from 0.
 * @returns undefined: in none
 */
export function roomOf(index: number, { every, members }: RoomUse): number | undefined {
  return index % every === 0 ? Math.floor(index / (every * members)) : undefined
}

/** When one socket slot is in use, in milliseconds from the start of the scenario. */
export interface Interval {
  openAtMs: number
  closeAtMs: number
}

/** Length of a curve in milliseconds. */
export function curveLengthMs(stages: readonly Stage[]): number {
  return stages.reduce((sum, stage) => sum + stage.seconds * 1000, 0)
}

/**
 * When slot `index` of `sockets` is in use: always while the curve stands above it. Slot 0 opens first and closes last, so
 * at any time the number of slots in use is the height of the curve.
 */
export function slotIntervals(stages: readonly Stage[], sockets: number, index: number): Interval[] {
  const intervals: Interval[] = []
  let atMs = 0
  let level = 0
  let openAtMs: number | undefined
  for (const stage of stages) {
    const target = stage.share * sockets
    const crossingMs = atMs + ((index + 0.5 - level) / (target - level)) * stage.seconds * 1000
    if (openAtMs === undefined && target > index + 0.5) openAtMs = crossingMs
    else if (openAtMs !== undefined && target < index + 0.5) {
      intervals.push({ openAtMs, closeAtMs: crossingMs })
      openAtMs = undefined
    }
    atMs += stage.seconds * 1000
    level = target
  }
  if (openAtMs !== undefined) intervals.push({ openAtMs, closeAtMs: atMs })
  return intervals
}
