/** Reads metrics from Prometheus with instant and range queries. Every call to Prometheus has a timeout. */
import { type Prometheus, prometheusAt } from '@lab/host/prometheus.ts'
import type { MetricMap } from '../metric-map.ts'
import type { Ask, Series } from '../metric-readings.ts'
import { readMetrics } from '../metric-readings.ts'
import type { MetricSource, ReadWorkingSets } from '../ports.ts'
import type { RecordedRange, TimeRange } from '../replay/recorded-range.ts'
import { timesOf } from '../replay/recorded-range.ts'

/** Timeout for an instant query, in seconds. A response that arrived after the timeout would be outdated. */
const queryWithinSeconds = 5
/** Timeout for a Prometheus range query, in seconds. Prometheus itself aborts queries after two minutes. */
const rangeWithinSeconds = 60
/** Maximum number of points per series in a range query. Prometheus refuses more than 11,000 points per series. */
const pointsPerAnswer = 5000

/**
 * Returns a metric source that queries Prometheus.
 * @param containerName the name that observations use for a replica's container
 * @param workingSets reads the usage of the resources that the mapping file assigns to Docker instead of Prometheus
 */
export function prometheusSource(baseUrl: string, map: MetricMap, containerName: string, workingSets: ReadWorkingSets): MetricSource {
  const prometheus = prometheusAt(baseUrl)
  return {
    read: (metrics, signal) => {
      const ask: Ask = (query) => prometheus.query(query, { withinSeconds: queryWithinSeconds, stop: signal })
      return readMetrics(metrics, map, containerName, { ask, workingSets: () => workingSets(signal) })
    },
  }
}

/** Returns the result of each query at each point in time in the range. Rejects if a query fails. */
export async function queryRange(
  baseUrl: string,
  queries: readonly string[],
  range: TimeRange,
  signal: AbortSignal,
): Promise<RecordedRange> {
  const timesSeconds = timesOf(range)
  const settings = { prometheus: prometheusAt(baseUrl), timesSeconds, stepSeconds: range.stepSeconds, signal }
  const answers = new Map<string, readonly (readonly Series[])[]>()
  // The queries run one after another, to limit the load on Prometheus.
  for (const query of queries) answers.set(query, await answersTo(query, settings))
  return { timesSeconds, answers }
}

interface RangeSettings {
  readonly prometheus: Prometheus
  readonly timesSeconds: readonly number[]
  readonly stepSeconds: number
  readonly signal: AbortSignal
}

async function answersTo(query: string, { prometheus, timesSeconds, stepSeconds, signal }: RangeSettings): Promise<Series[][]> {
  const answers: Series[][] = timesSeconds.map(() => [])
  for (let first = 0; first < timesSeconds.length; first += pointsPerAnswer) {
    const start = timesSeconds[first] ?? 0
    const end = timesSeconds[Math.min(first + pointsPerAnswer, timesSeconds.length) - 1] ?? start
    const series = await prometheus.range(query, { start, end, step: stepSeconds }, { withinSeconds: rangeWithinSeconds, stop: signal })
    for (const { labels, samples } of series) {
      for (const [time, value] of samples) answers[first + Math.round((time - start) / stepSeconds)]?.push({ labels, value })
    }
  }
  return answers
}
