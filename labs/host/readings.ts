/** Reads the state of a Compose lab's replicas from Prometheus. */
import { jobs } from '@lab/contract/endpoints.ts'
import { metrics, replicaLabel } from '@lab/contract/metrics.ts'
import { allReplicas, queries, standardMetrics, stateNumbers } from '@lab/contract/queries.ts'
import type { Prometheus } from './prometheus.ts'

/** A replica's state and number of sockets, as reported by its Prometheus metrics. */
export interface ReplicaReading {
  readonly id: string
  readonly state: 'starting' | 'ready' | 'draining' | 'silent'
  readonly sockets: number
  /** Start time of the replica in Unix seconds; 0 while the replica is starting. */
  readonly startedAtSeconds: number
}

const { connectionsByReplica, stateByReplica } = queries(allReplicas)
/** PromQL queries with a rate window of four scrape intervals, which is short enough for a live view. */
export const recently = queries({ ...allReplicas, window: '20s' })
const startedByReplica = `sum by (${replicaLabel}) (${standardMetrics.startTime}{job="${jobs.ws}"})`
const storeUp = `min(${metrics.dependencyUp.name}{job="${jobs.ws}"} and on (instance) ${standardMetrics.up} == 1)`

/**
 * Reads each replica's state and the lab's overall metrics; an overall metric is null if its series is missing. Rejects if Prometheus does
 * not respond.
 */
export async function readReplicas(prometheus: Prometheus) {
  const [sockets, stateOf, started, answers, p95, store] = await Promise.all([
    byReplica(prometheus, connectionsByReplica),
    byReplica(prometheus, stateByReplica),
    byReplica(prometheus, startedByReplica),
    prometheus.number(recently.sentPerSecond),
    prometheus.number(recently.latencyP95Seconds),
    prometheus.number(storeUp),
  ])
  const replicas = [...stateOf].map(
    ([id, number]): ReplicaReading => ({
      id,
      state: stateName(number),
      sockets: number === 0 ? 0 : (sockets.get(id) ?? 0),
      startedAtSeconds: started.get(id) ?? 0,
    }),
  )
  return {
    replicas: replicas.sort((a, b) => a.id.localeCompare(b.id, 'en', { numeric: true })),
    answersPerSecond: answers ?? null,
    p95Ms: p95 === undefined ? null : p95 * 1000,
    storeUp: store === undefined ? null : store === 1,
  }
}

/** Maps a replica's numeric state in Prometheus to the name of the state; 0 means that the replica does not respond. */
export function stateName(number: number): ReplicaReading['state'] {
  if (number === stateNumbers.ready) return 'ready'
  if (number === stateNumbers.starting) return 'starting'
  return number === 0 ? 'silent' : 'draining'
}

/** Runs a Prometheus query and returns its value for each replica. */
export async function byReplica(prometheus: Prometheus, promql: string): Promise<Map<string, number>> {
  return new Map((await prometheus.query(promql)).map(({ labels, value }) => [labels[replicaLabel] ?? '', value]))
}
