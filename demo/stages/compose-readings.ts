/** What Prometheus shows of the Compose lab, as readings of a stage. */
import { z } from 'zod'
import { jobs, services } from '../../contract/src/endpoints.ts'
import { metrics, replicaLabel } from '../../contract/src/metrics.ts'
import { allReplicas, queries, standardMetrics, stateNumbers } from '../../contract/src/queries.ts'
import type { FigureName, ReplicaSeen } from '../core/stage.ts'

const answerWithinMs = 4_000

const { connectionsByReplica, stateByReplica, connections } = queries(allReplicas)
/** Over four scrapes: a person waits for it. */
const { sentPerSecond, latencyP95Seconds } = queries({ ...allReplicas, window: '20s' })
const startedByReplica = `sum by (${replicaLabel}) (${standardMetrics.startTime}{job="${jobs.ws}"})`
const storeUp = `min(${metrics.dependencyUp.name}{job="${jobs.ws}"} and on (instance) up == 1)`

const scaler = `the scaler's decision log`
const states = `PromQL: ${stateByReplica}`
const bySockets = `PromQL: ${connectionsByReplica}`
/** Where each figure is read. */
export const sources: Record<FigureName, string> = {
  ...{ replicas: states, starting: states, draining: states },
  ...{ sockets: `PromQL: ${connections}`, fullest: bySockets, emptiest: bySockets },
  ...{ answers: `PromQL: ${sentPerSecond}`, p95: `PromQL: 1000 * ${latencyP95Seconds}` },
  ...{ desired: scaler, min: scaler, max: scaler, target: scaler },
}

const answerSchema = z.object({
  data: z.object({
    result: z.array(z.object({ metric: z.record(z.string(), z.string()), value: z.tuple([z.number(), z.string()]) })),
  }),
})

/** What can be read of replicas; null where there is no series. Rejects when Prometheus does not answer. */
export async function readPrometheus(url: string) {
  const [sockets, stateOf, started, answers, p95, store] = await Promise.all([
    byReplica(url, connectionsByReplica),
    byReplica(url, stateByReplica),
    byReplica(url, startedByReplica),
    one(url, sentPerSecond),
    one(url, latencyP95Seconds),
    one(url, storeUp),
  ])
  const replicas = [...stateOf].map(
    ([id, number]): ReplicaSeen => ({
      id,
      state: stateWord(number),
      sockets: number === 0 ? 0 : (sockets.get(id) ?? 0),
      startedAtSeconds: started.get(id) ?? 0,
    }),
  )
  return {
    replicas: replicas.sort((a, b) => a.id.localeCompare(b.id, 'en', { numeric: true })),
    answersPerSecond: answers,
    p95Ms: p95 === null ? null : p95 * 1000,
    storeUp: store === null ? null : store === 1,
  }
}

function stateWord(number: number): ReplicaSeen['state'] {
  if (number === stateNumbers.ready) return 'ready'
  if (number === stateNumbers.starting) return 'starting'
  return number === 0 ? 'silent' : 'draining'
}

async function byReplica(url: string, query: string): Promise<Map<string, number>> {
  return new Map((await ask(url, query)).map(({ metric, value }) => [metric[replicaLabel] ?? services.ws, Number(value[1])]))
}

async function one(url: string, query: string): Promise<number | null> {
  const [sample] = await ask(url, query)
  const value = Number(sample?.value[1] ?? Number.NaN)
  return Number.isFinite(value) ? value : null
}

async function ask(url: string, query: string) {
  const answer = await fetch(`${url}/api/v1/query?${new URLSearchParams({ query })}`, { signal: AbortSignal.timeout(answerWithinMs) })
  if (!answer.ok) throw new Error(`Prometheus at ${url}: HTTP ${answer.status}`)
  return answerSchema.parse(await answer.json()).data.result
}
