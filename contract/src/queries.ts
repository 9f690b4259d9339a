/**
 * Builds the PromQL queries that are shared by the panels, the scaler and the stack tests. The queries use the metric names from
 * metrics.ts. A total is always a sum over replicas, because each replica counts only its own connections.
 */
import type { CloseCause } from './close-codes.ts'
import { jobs } from './endpoints.ts'
import { metrics, type ReplicaState, replicaLabel, replicaStates } from './metrics.ts'

/** The series that a query selects, and the time window over which it computes rates. */
export interface QueryScope {
  /** The label matchers without braces, as in `job="ws"`. */
  selector: string
  /** A PromQL duration. The window must span at least four scrapes, so that one missed scrape leaves no gap. */
  window: string
}

/**
 * The scope that covers all replicas, with rates over one minute. Dashboard panels define their own scope instead of using `allReplicas`.
 */
export const allReplicas: QueryScope = { selector: `job="${jobs.ws}"`, window: '1m' }

/** Close causes that count as unexpected: the connection was lost, or the replica failed. */
const unexplainedCauses: readonly CloseCause[] = ['abnormal', 'internal']

/** Close causes of connections that are closed during a drain. */
const drainCauses: readonly CloseCause[] = ['draining']

/** Metrics that Prometheus and prom-client provide for every replica under fixed names. */
export const standardMetrics = {
  up: 'up',
  cpuSeconds: 'process_cpu_seconds_total',
  residentBytes: 'process_resident_memory_bytes',
  openFiles: 'process_open_fds',
  headSeries: 'prometheus_tsdb_head_series',
  startTime: 'process_start_time_seconds',
  heapUsedBytes: 'nodejs_heap_size_used_bytes',
  eventLoopLagMax: 'nodejs_eventloop_lag_max_seconds',
  eventLoopLagP99: 'nodejs_eventloop_lag_p99_seconds',
  gcSeconds: 'nodejs_gc_duration_seconds',
} as const

/** The number that dashboard panels plot for each replica state; 0 stands for a replica that does not respond. */
export const stateNumbers = Object.fromEntries(replicaStates.map((state, index) => [state, index + 1])) as Record<ReplicaState, number>

/**
 * Builds all shared PromQL queries for the given scope.
 * @returns the PromQL queries by name; queries named `…ByReplica` return one series per replica
 */
export function queries(scope: QueryScope) {
  return { ...connectionQueries(scope), ...messageQueries(scope), ...replicaQueries(scope), ...errorQueries(scope) }
}

function connectionQueries(scope: QueryScope) {
  const { select, perSecond } = language(scope)
  const versions = `max by (${replicaLabel}, version, colour) (${select(metrics.buildInfo.name)})`
  const byVersion = (each: string) => `sum by (${replicaLabel}) (${each}) * on (${replicaLabel}) group_left (version, colour) ${versions}`
  return {
    connections: `sum(${select(metrics.connectionsActive.name)})`,
    connectionsByReplica: `sum by (${replicaLabel}) (${select(metrics.connectionsActive.name)})`,
    connectionsByVersion: `sum by (version, colour) (${byVersion(select(metrics.connectionsActive.name))})`,
    connectionsLimit: `sum(${select(metrics.connectionsLimit.name)})`,
    openedPerSecond: `sum(${perSecond(metrics.connectionsOpened.name)})`,
    closedPerSecond: `sum(${perSecond(metrics.connectionsClosed.name)})`,
    refusedPerSecond: `sum(${perSecond(metrics.connectionsRefused.name)})`,
    goodbyesPerSecond: `sum(${perSecond(metrics.goodbyes.name)})`,
    closedByDrainPerSecond: `sum(${perSecond(metrics.connectionsClosed.name, `cause=~"${drainCauses.join('|')}"`)})`,
    unexplainedClosesPerSecond: `sum(${perSecond(metrics.connectionsClosed.name, `cause=~"${unexplainedCauses.join('|')}"`)})`,
    deadPeersPerSecond: `sum(${perSecond(metrics.connectionsClosed.name, 'cause="heartbeat_lost"')})`,
  }
}

function messageQueries(scope: QueryScope) {
  const { perSecond, quantile } = language(scope)
  return {
    receivedPerSecond: `sum(${perSecond(metrics.messages.name, 'direction="received"')})`,
    sentPerSecond: `sum(${perSecond(metrics.messages.name, 'direction="sent"')})`,
    receivedPerSecondByType: `sum by (type) (${perSecond(metrics.messagesReceived.name)})`,
    sentPerSecondByType: `sum by (type) (${perSecond(metrics.messagesSent.name)})`,
    latencyP50Seconds: quantile(0.5, metrics.messageLatency.name),
    latencyP95Seconds: quantile(0.95, metrics.messageLatency.name),
    latencyP99Seconds: quantile(0.99, metrics.messageLatency.name),
    handlingP99Seconds: quantile(0.99, metrics.messageHandling.name),
  }
}

function replicaQueries(scope: QueryScope) {
  const { select, perSecond } = language(scope)
  const states = replicaStates.map((state) => {
    const one = `sum by (${replicaLabel}) (${select(metrics.replicaState.name, `state="${state}"`)})`
    return `${stateNumbers[state]} * ${one}`
  })
  return {
    // A replica that does not answer a scrape is still running, so this query counts targets, whether they respond or not. If there are no
    // replicas, count() returns no series, but the panel must show 0.
    replicasRunning: `count(${select(standardMetrics.up)}) or vector(0)`,
    replicasReady: `sum(${select(metrics.replicaState.name, 'state="ready"')})`,
    replicasByState: `sum by (state) (${select(metrics.replicaState.name)})`,
    // A replica that does not respond has no state series, so the `up` metric supplies the value 0.
    stateByReplica: `(${states.join(' + ')}) or sum by (${replicaLabel}) (${select(standardMetrics.up)})`,
    cpuCoresByReplica: `sum by (${replicaLabel}) (${perSecond(standardMetrics.cpuSeconds)})`,
    cpuCoresMean: `avg(${perSecond(standardMetrics.cpuSeconds)})`,
    residentBytesByReplica: `sum by (${replicaLabel}) (${select(standardMetrics.residentBytes)})`,
    eventLoopUtilizationByReplica: `sum by (${replicaLabel}) (${select(metrics.eventLoopUtilization.name)})`,
    versionByReplica: `max by (${replicaLabel}, version, colour) (${select(metrics.buildInfo.name)})`,
    drainingReplicas: `sum by (${replicaLabel}) (${select(metrics.replicaState.name, 'state="draining"')}) == 1`,
    startedReplicas: `sum by (${replicaLabel}) (${select(standardMetrics.startTime)})`,
  }
}

function errorQueries(scope: QueryScope) {
  const { perSecond } = language(scope)
  return {
    errorsPerSecond: `sum(${perSecond(metrics.errors.name)})`,
    errorsPerSecondByCause: `sum by (cause) (${perSecond(metrics.errors.name)})`,
    refusedPerSecondByCause: `sum by (cause) (${perSecond(metrics.connectionsRefused.name)})`,
  }
}

/**
 * Returns the helper functions that the shared queries are built with. Each helper builds one kind of PromQL expression: a metric's newest
 * values, a counter's rate, or a histogram quantile over all series in the scope.
 */
export function language({ selector, window }: QueryScope) {
  const select = (name: string, more = '') => `${name}{${more === '' ? '' : `${more}, `}${selector}}`
  const perSecond = (name: string, more = '') => `rate(${select(name, more)}[${window}])`
  // Without observations, histogram_quantile() returns NaN. The comparison `>= 0` drops NaN, so the query returns an empty result.
  const quantile = (q: number, name: string, more = '') =>
    `(histogram_quantile(${q}, sum by (le) (${perSecond(`${name}_bucket`, more)})) >= 0)`
  return { select, perSecond, quantile }
}
