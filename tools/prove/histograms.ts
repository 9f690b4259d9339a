/** Histograms of durations. */
import { createHistogram, type RecordableHistogram } from 'node:perf_hooks'
import type { Times } from './core/report.ts'

export type { RecordableHistogram }
export { createHistogram }

/** Adds a duration. Histograms record durations in whole microseconds. */
export function record(histogram: RecordableHistogram, ms: number): void {
  histogram.record(Math.max(1, Math.round(ms * 1000)))
}

/** Returns the percentiles of the durations in a histogram. Milliseconds. */
export function timesIn(histogram: RecordableHistogram): Times {
  const at = (percentile: number) => (histogram.count === 0 ? Number.NaN : histogram.percentile(percentile) / 1000)
  return { count: histogram.count, p50: at(50), p90: at(90), p95: at(95), p99: at(99), max: at(100) }
}
