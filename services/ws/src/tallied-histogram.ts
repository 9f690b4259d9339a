/**
 * A histogram without labels that counts observations in plain numbers and is converted to prom-client samples at each scrape. The
 * Histogram class of prom-client looks up its series by a hash for every observation, which accounts for most of the metrics' cost per
 * message.
 */
import { exemplarLabel } from '@lab/contract/telemetry.ts'
import type { Histogram, Registry } from 'prom-client'

/** An OpenMetrics exemplar, which links a bucket to a trace. */
interface Exemplar {
  labelSet: Record<string, string>
  value: number
  /** The time of the observation, as a Unix time in seconds. */
  timestamp: number
}

export class TalliedHistogram {
  readonly name: string
  readonly help: string
  private readonly bounds: readonly number[]
  /** Number of observations per bucket, not cumulative. The last bucket counts the values above all bounds. */
  private readonly counts: number[]
  private total = 0
  /** The last traced observation in each bucket. */
  private readonly exemplars: Exemplar[] = []

  /** @param spec the metric; its buckets are upper bounds in ascending order, in the metric's unit */
  constructor(spec: { name: string; help: string; buckets: readonly number[] }, registry: Registry) {
    this.name = spec.name
    this.help = spec.help
    this.bounds = spec.buckets
    this.counts = new Array(spec.buckets.length + 1).fill(0)
    // A prom-client registry uses only a metric's name and its `get` method.
    registry.registerMetric(this as unknown as Histogram)
  }

  /**
   * Counts one observation, given in the metric's unit.
   * @param traceId the trace id of the observed operation, if the operation was traced
   */
  observe(value: number, traceId?: string): void {
    let bucket = 0
    while (bucket < this.bounds.length && value > (this.bounds[bucket] as number)) bucket++
    this.counts[bucket] = (this.counts[bucket] as number) + 1
    this.total += value
    if (traceId !== undefined) this.exemplars[bucket] = { labelSet: { [exemplarLabel]: traceId }, value, timestamp: Date.now() / 1000 }
  }

  /** Returns the histogram's samples in prom-client's format. */
  async get() {
    const { name, help } = this
    let sum = 0
    const buckets = this.counts.map((count, index) => {
      sum += count
      const sample = { metricName: `${name}_bucket`, labels: { le: this.bounds[index] ?? '+Inf' }, value: sum }
      const exemplar = this.exemplars[index]
      return exemplar === undefined ? sample : { ...sample, exemplar }
    })
    const rest = [
      { metricName: `${name}_sum`, labels: {}, value: this.total },
      { metricName: `${name}_count`, labels: {}, value: sum },
    ]
    return { name, help, type: 'histogram', values: [...buckets, ...rest], aggregator: 'sum' }
  }
}
