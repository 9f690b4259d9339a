/**
 * Service levels: what is promised to users, how it is recorded, and over which windows a burning error budget is looked at.
 * prometheus/rules/slo.rules.yaml is made from it, and the pages show it.
 */

/** What is promised: to get in, to stay in, to be answered. */
export const serviceLevelNames = ['connect', 'drops', 'messages'] as const
export type ServiceLevelName = (typeof serviceLevelNames)[number]

/** Share of bad events that the objective of 99.9 % allows. */
export const errorBudget = 0.001

/** The recorded series of a service level: the share of bad events. @param window a PromQL duration, one of those in `burnClocks` */
export function errorRatio(level: ServiceLevelName, window: string): string {
  return `slo:${level}_error_ratio:rate${window}`
}

/** On the real clock an objective is about a month; on the lab's clock an hour is a minute, so that it can be watched at work. */
/** A pair of windows: both must burn, the long one so that it matters, the short one so that it is not over yet. */
export interface WindowPair {
  long: string
  short: string
  /** How many times faster than allowed. */
  factor: number
}

export interface BurnClock {
  name: 'real' | 'lab'
  /** How often its rules are evaluated. */
  interval: string
  fast: readonly [WindowPair, WindowPair]
  slow: readonly [WindowPair, WindowPair]
}

/** The clocks. Pairs and factors are those of Google's SRE Workbook, chapter 5. */
export const burnClocks: readonly BurnClock[] = [
  {
    name: 'real',
    interval: '15s',
    fast: [
      { long: '1h', short: '5m', factor: 14.4 },
      { long: '6h', short: '30m', factor: 6 },
    ],
    slow: [
      { long: '1d', short: '2h', factor: 3 },
      { long: '3d', short: '6h', factor: 1 },
    ],
  },
  {
    // A sixtieth of the real ones, but four scrapes at least: a rate needs them.
    name: 'lab',
    interval: '5s',
    fast: [
      { long: '1m', short: '20s', factor: 14.4 },
      { long: '6m', short: '30s', factor: 6 },
    ],
    slow: [
      { long: '24m', short: '2m', factor: 3 },
      { long: '72m', short: '6m', factor: 1 },
    ],
  },
]
