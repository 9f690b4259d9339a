/**
 * The PromQL that more than one reader asks: panels, the scaler, the stack tests. Built from metrics.ts, so that a renamed
 * metric is renamed here as well. A "total" is always a sum over replicas: each replica counts only its own connections.
 */
import type { CloseCause } from './close-codes.ts'
import { jobs } from './endpoints.ts'
import { metrics, type ReplicaState, replicaLabel, replicaStates } from './metrics.ts'

/** Which series a query looks at, and over which window it takes rates. */
export interface QueryScope {
  /** Label matchers without braces, as in `job="ws"`. */
  selector: string
  /** A PromQL duration. It must span at least four scrapes, or a missed scrape leaves a hole. */
  window: string
}

/** All replicas, rates over a minute: for readers that are not panels. */
export const allReplicas: QueryScope = { selector: `job="${jobs.ws}"`, window: '1m' }

/** Closes that no plan explains: the connection was cut, or we failed. */
const unexplainedCauses: readonly CloseCause[] = ['abnormal', 'internal']

/** Closes that are the doing of a draining replica. */
const drainCauses: readonly CloseCause[] = ['draining']

/** Metrics that Prometheus and the Node client export for every replica under fixed names. */
export const standardMetrics = {
  up: 'up',
  cpuSeconds: 'process_cpu_seconds_total',
  residentBytes: 'process_resident_memory_bytes',
  startTime: 'process_start_time_seconds',
  heapUsedBytes: 'nodejs_heap_size_used_bytes',
  eventLoopLagMax: 'nodejs_eventloop_lag_max_seconds',
  eventLoopLagMean: 'nodejs_eventloop_lag_mean_seconds',
  eventLoopLagP99: 'nodejs_eventloop_lag_p99_seconds',
  gcSeconds: 'nodejs_gc_duration_seconds',
} as const

/** What a replica's state is drawn as; 0 is a replica that does not answer. */
export const stateNumbers = Object.fromEntries(replicaStates.map((state, index) => [state, index + 1])) as Record<ReplicaState, number>

/**
 * Every shared query for one scope.
 * @returns PromQL by name; names say what one sample means, `…ByReplica` have one series per replica
 */
export function queries(scope: QueryScope) {
  return { ...connectionQueries(scope), ...messageQueries(scope), ...replicaQueries(scope), ...errorQueries(scope) }
}

function connectionQueries(scope: QueryScope) {
  const { select, perSecond } = language(scope)
  return {
    connections: `sum(${select(metrics.connectionsActive.name)})`,
    connectionsByReplica: `sum by (${replicaLabel}) (${select(metrics.connectionsActive.name)})`,
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
    // No replica at all is a count of nothing, which is no series: say zero.
    replicasUp: `count(${select(standardMetrics.up)} == 1) or vector(0)`,
    replicasByState: `sum by (state) (${select(metrics.replicaState.name)})`,
    // The state of a replica that stopped answering is unknown, so its place is taken by zero.
    stateByReplica: `(${states.join(' + ')}) or sum by (${replicaLabel}) (${select(standardMetrics.up)})`,
    cpuCoresByReplica: `sum by (${replicaLabel}) (${perSecond(standardMetrics.cpuSeconds)})`,
    cpuCoresMean: `avg(${perSecond(standardMetrics.cpuSeconds)})`,
    residentBytesByReplica: `sum by (${replicaLabel}) (${select(standardMetrics.residentBytes)})`,
    eventLoopUtilizationByReplica: `sum by (${replicaLabel}) (${select(metrics.eventLoopUtilization.name)})`,
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
 * The forms every query is made of, within one scope: the newest values of a metric, the rates of a counter, and a quantile
 * of a histogram over all of the scope.
 */
export function language({ selector, window }: QueryScope) {
  const select = (name: string, more = '') => `${name}{${more === '' ? '' : `${more}, `}${selector}}`
  const perSecond = (name: string, more = '') => `rate(${select(name, more)}[${window}])`
  // Of nothing there is no quantile, which is "not a number": left out, so that who asks sees that there is nothing.
  const quantile = (q: number, name: string, more = '') =>
    `(histogram_quantile(${q}, sum by (le) (${perSecond(`${name}_bucket`, more)})) >= 0)`
  return { select, perSecond, quantile }
}
