/**
 * Defines the service level objectives, their recorded series, and the windows over which alerts monitor the error budget. The file
 * prometheus/rules/slo.rules.yaml is generated from these definitions.
 */

/** The objectives: clients can connect, stay connected, and receive responses to their messages. */
export const serviceLevelNames = ['connect', 'drops', 'messages'] as const
export type ServiceLevelName = (typeof serviceLevelNames)[number]

/** The fraction of bad events that a 99.9 % objective allows. */
export const errorBudget = 0.001

/**
 * Returns the name of the recorded series that contains the fraction of bad events.
 * @param window a PromQL duration that appears in `burnClocks`
 */
export function errorRatio(level: ServiceLevelName, window: string): string {
  return `slo:${level}_error_ratio:rate${window}`
}

/**
 * A long and a short window; the alert fires if the burn rate exceeds the factor in both windows. The long window shows that the errors are
 * significant, and the short window shows that they continue.
 */
export interface WindowPair {
  long: string
  short: string
  /** Burn rate threshold: how many times faster than allowed the error budget must be consumed for the alert to fire. */
  factor: number
}

export interface BurnClock {
  name: 'real' | 'lab'
  /** The interval at which Prometheus evaluates the alert rules of this burn clock. */
  interval: string
  fast: readonly [WindowPair, WindowPair]
  slow: readonly [WindowPair, WindowPair]
}

/**
 * The windows and factors of the alerts, from Google's SRE Workbook, chapter 5. On the `real` clock, an objective covers about a month. On
 * the `lab` clock, a minute represents an hour, so that an alert can fire and resolve during an exercise.
 */
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
    // Each `lab` window is one sixtieth of the corresponding `real` window, but spans at least four scrape intervals, the minimum for
    // computing a rate.
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
