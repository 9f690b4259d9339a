/** What Prometheus has scraped from the replicas, sample by sample. */
import { z } from 'zod'
import { replicaLabel } from '../contract/src/metrics.ts'
import { allReplicas, language, standardMetrics } from '../contract/src/queries.ts'
import type { Sampled, Series } from './report/resources.ts'

const withinMs = 10_000

const answerSchema = z.object({
  data: z.object({
    result: z.array(z.object({ metric: z.record(z.string(), z.string()), values: z.array(z.tuple([z.number(), z.string()])) })),
  }),
})

/**
 * CPU and memory of each replica from one moment to another, Unix milliseconds.
 * @param url of Prometheus, without a path
 * @returns the samples, or in one line why they can't be had
 */
export async function sampleReplicas(url: string, [fromMs, toMs]: readonly [number, number]): Promise<Sampled | { problem: string }> {
  const { select } = language(allReplicas)
  const range = `[${Math.ceil((toMs - fromMs) / 1000)}s]`
  try {
    const [cpuSeconds, residentBytes] = await Promise.all([
      samples(url, select(standardMetrics.cpuSeconds) + range, toMs),
      samples(url, select(standardMetrics.residentBytes) + range, toMs),
    ])
    return { cpuSeconds, residentBytes }
  } catch (error) {
    const { message, cause } = error as Error
    return { problem: `Prometheus at ${url} could not be asked: ${cause instanceof Error ? cause.message : message}` }
  }
}

async function samples(url: string, query: string, atMs: number): Promise<Series[]> {
  const parameters = new URLSearchParams({ query, time: (atMs / 1000).toFixed(3) })
  const answer = await fetch(`${url}/api/v1/query?${parameters}`, { signal: AbortSignal.timeout(withinMs) })
  if (!answer.ok) throw new Error(`HTTP ${answer.status}`)
  const { data } = answerSchema.parse(await answer.json())
  return data.result.map(({ metric, values }) => ({
    replica: metric[replicaLabel] ?? '',
    samples: values.map(([atSeconds, value]) => [atSeconds * 1000, Number(value)] as const),
  }))
}
