/**
 * A histogram without labels that counts in plain numbers and speaks prom-client when it is scraped.
 * prom-client's own looks its series up by a hash at every observation, which is most of what metrics cost per message.
 */
import type { Histogram, Registry } from 'prom-client'

export class TalliedHistogram {
  readonly name: string
  readonly help: string
  private readonly bounds: readonly number[]
  /** Observations per bucket, the last for those above every bound; not yet added up. */
  private readonly counts: number[]
  private total = 0

  /** @param spec its buckets are upper bounds, rising, in the metric's unit */
  constructor(spec: { name: string; help: string; buckets: readonly number[] }, registry: Registry) {
    this.name = spec.name
    this.help = spec.help
    this.bounds = spec.buckets
    this.counts = new Array(spec.buckets.length + 1).fill(0)
    // All that a registry asks of a metric is a name and `get`.
    registry.registerMetric(this as unknown as Histogram)
  }

  /** Counts one value, in the metric's unit. */
  observe(value: number): void {
    let bucket = 0
    while (bucket < this.bounds.length && value > (this.bounds[bucket] as number)) bucket++
    this.counts[bucket] = (this.counts[bucket] as number) + 1
    this.total += value
  }

  /** The samples, as prom-client hands them to whoever scrapes. */
  async get() {
    const { name, help } = this
    let sum = 0
    const buckets = this.counts.map((count, index) => {
      sum += count
      return { metricName: `${name}_bucket`, labels: { le: this.bounds[index] ?? '+Inf' }, value: sum }
    })
    const rest = [
      { metricName: `${name}_sum`, labels: {}, value: this.total },
      { metricName: `${name}_count`, labels: {}, value: sum },
    ]
    return { name, help, type: 'histogram', values: [...buckets, ...rest], aggregator: 'sum' }
  }
}
