/** Asks Prometheus for what it read from each replica last. */
import { replicaLabel } from '@lab/contract/metrics.ts'
import { allReplicas, queries, stateNumbers } from '@lab/contract/queries.ts'
import { z } from 'zod'
import type { Readings } from './status.ts'

/** A person waits for this. */
const answerWithinMs = 3_000

/** Questions about an hour take longer, all the more on a busy machine. */
const rangeAnswerWithinMs = 15_000

const answerSchema = z.object({
  data: z.object({
    result: z.array(z.object({ metric: z.record(z.string(), z.string()), value: z.tuple([z.number(), z.string()]) })),
  }),
})

/** @param url of Prometheus, without a path */
export async function readReplicas(url: string): Promise<Readings> {
  const { connectionsByReplica, stateByReplica } = queries(allReplicas)
  try {
    const [connections, numbers] = await Promise.all([byReplica(url, connectionsByReplica), byReplica(url, stateByReplica)])
    const words = new Map(Object.entries(stateNumbers).map(([state, number]) => [number, state]))
    const states = Object.fromEntries(Object.entries(numbers).map(([replica, number]) => [replica, words.get(number) ?? 'no answer']))
    return { connections, states }
  } catch (error) {
    return { problem: `Prometheus at ${url}: ${error instanceof Error ? error.message : String(error)}` }
  }
}

async function byReplica(url: string, query: string): Promise<Record<string, number>> {
  const result = await ask(url, query, answerWithinMs)
  return Object.fromEntries(result.map(({ metric, value }) => [metric[replicaLabel] ?? '', Number(value[1])]))
}

/**
 * The one number that a query gives; undefined where there is no series.
 * @param atSeconds the moment it is about, Unix time
 * @throws Error where Prometheus does not answer
 */
export async function askNumber(url: string, query: string, atSeconds: number): Promise<number | undefined> {
  const [sample] = await ask(url, query, rangeAnswerWithinMs, atSeconds)
  return sample && Number(sample.value[1])
}

async function ask(url: string, query: string, withinMs: number, atSeconds?: number) {
  const parameters = new URLSearchParams({ query, ...(atSeconds !== undefined && { time: String(atSeconds) }) })
  const answer = await fetch(`${url}/api/v1/query?${parameters}`, { signal: AbortSignal.timeout(withinMs) })
  if (!answer.ok) throw new Error(`HTTP ${answer.status}`)
  return answerSchema.parse(await answer.json()).data.result
}
