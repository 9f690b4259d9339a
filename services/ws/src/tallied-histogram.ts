/**
 * A histogram without labels that counts in plain numbers and speaks prom-client when it is scraped.
 * prom-client's own looks its series up by a hash at every observation, which is most of what metrics cost per message.
 */
import { exemplarLabel } from '@lab/contract/telemetry.ts'
import type { Histogram, Registry } from 'prom-client'

/** Leads from a bucket to a trace, as OpenMetrics has it. */
interface Exemplar {
  labelSet: Record<string, string>
  value: number
  /** Seconds since 1970. */
  timestamp: number
}

export class TalliedHistogram {
  readonly name: string
  readonly help: string
  private readonly bounds: readonly number[]
  /** Observations per bucket, the last for those above every bound; not yet added up. */
  private readonly counts: number[]
  private total = 0
  /** The last traced observation of each bucket. */
  private readonly exemplars: Exemplar[] = []

  /** @param spec its buckets are upper bounds, rising, in the metric's unit */
  constructor(spec: { name: string; help: string; buckets: readonly number[] }, registry: Registry) {
    this.name = spec.name
    this.help = spec.help
    this.bounds = spec.buckets
    this.counts = new Array(spec.buckets.length + 1).fill(0)
    // All that a registry asks of a metric is a name and `get`.
    registry.registerMetric(this as unknown as Histogram)
  }

  /** Counts one value, in the metric's unit. @param traceId of what took so long, if it was traced */
  observe(value: number, traceId?: string): void {
    let bucket = 0
    while (bucket < this.bounds.length && value > (this.bounds[bucket] as number)) bucket++
    this.counts[bucket] = (this.counts[bucket] as number) + 1
    this.total += value
    if (traceId !== undefined) this.exemplars[bucket] = { labelSet: { [exemplarLabel]: traceId }, value, timestamp: Date.now() / 1000 }
  }

  /** The samples, as prom-client hands them to whoever scrapes. */
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
