/** Reads the samples that Prometheus scraped from the replicas. */
import { replicaLabel } from '@lab/contract/metrics.ts'
import { allReplicas, language, standardMetrics } from '@lab/contract/queries.ts'
import type { Prometheus } from '@lab/host/prometheus.ts'
import type { Sampled, Series } from './report/resources.ts'

const withinSeconds = 10

/**
 * Reads each replica's CPU time and memory in a time range, given in Unix milliseconds.
 * @param prometheus the Prometheus client; undefined if the lab has no Prometheus
 * @returns the samples, or a one-line reason why there are none
 */
export async function sampleReplicas(
  prometheus: Prometheus | undefined,
  [fromMs, toMs]: readonly [number, number],
): Promise<Sampled | { problem: string }> {
  if (prometheus === undefined) return { problem: 'CPU and memory were not measured: the lab has no Prometheus' }
  const { select } = language(allReplicas)
  const scraped = async (metric: string): Promise<Series[]> => {
    const promql = `${select(metric)}[${Math.ceil((toMs - fromMs) / 1000)}s]`
    const series = await prometheus.samples(promql, { atSeconds: toMs / 1000, withinSeconds })
    return series.map(({ labels, samples }) => ({
      replica: labels[replicaLabel] ?? '',
      samples: samples.map(([atSeconds, value]) => [atSeconds * 1000, value] as const),
    }))
  }
  try {
    const [cpuSeconds, residentBytes] = await Promise.all([scraped(standardMetrics.cpuSeconds), scraped(standardMetrics.residentBytes)])
    return { cpuSeconds, residentBytes }
  } catch (error) {
    return { problem: `CPU and memory were not measured: ${(error as Error).message}` }
  }
}
