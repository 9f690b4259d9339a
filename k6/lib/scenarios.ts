/**
 * The named load curves: how many sockets are open when. Pure; numbers only.
 * A curve starts at zero sockets and is linear between its points, so a wished level is reached gently, never all at once.
 */

/** After `seconds` more, this share (0 to 1) of the peak is open. */
export interface Stage {
  seconds: number
  share: number
}

export interface Scenario {
  purpose: string
  /** Sockets open at the peak. */
  sockets: number
  stages: readonly Stage[]
  /** The same shape in less time (SHORT=1), for a first look and for tests. */
  short: readonly Stage[]
}

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

export const scenarios = {
  default: { purpose: 'one minute of ordinary load', sockets: 300, stages: upHoldDown(10, 45, 5), short: upHoldDown(5, 12, 3) },
  smoke: { purpose: 'does it work at all', sockets: 10, stages: upHoldDown(3, 15, 2), short: upHoldDown(1, 6, 1) },
  ramp: { purpose: 'grow slowly to 1,000', sockets: 1000, stages: upHoldDown(180, 60, 30), short: upHoldDown(30, 10, 5) },
  stress: { purpose: '2,000 for ten minutes', sockets: 2000, stages: upHoldDown(60, 600, 30), short: upHoldDown(20, 30, 5) },
  ledger: { purpose: 'is anything lost, doubled or reordered', sockets: 200, stages: upHoldDown(5, 110, 5), short: upHoldDown(5, 25, 5) },
  storm: { purpose: 'a replica with 2,000 sockets dies', sockets: 2000, stages: upHoldDown(10, 60, 2), short: upHoldDown(10, 40, 2) },
  hold: { purpose: 'the same number for a quarter of an hour', sockets: 300, stages: upHoldDown(5, 890, 5), short: upHoldDown(2, 20, 2) },
  spike: { purpose: 'from 500 to 5,000 in ten seconds', sockets: 5000, stages: spikeStages(30, 60, 10), short: spikeStages(5, 10, 5) },
} as const satisfies Record<string, Scenario>
export type ScenarioName = keyof typeof scenarios

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
