/** Prometheus queries for the workshop checks, each of which returns one number, or nothing if no series matches. Pure. */
import { jobs, paths } from '@lab/contract/endpoints.ts'
import { loadMetrics, prometheusName } from '@lab/contract/load-metrics.ts'
import { metrics, replicaLabel } from '@lab/contract/metrics.ts'
import { allReplicas, language, queries, standardMetrics } from '@lab/contract/queries.ts'
import { liveMetrics } from '@lab/contract/rollouts.ts'
import { type LearnerFile, lookBackMinutes } from './learner.ts'

/** The alert that fires if a replica has no connection to its store. */
export const storeAlert = 'DependencyDown'

/** The time range of the graphs that a learner reads, which is the dashboards' default range. */
export const readingMinutes = 15
const reading = `${readingMinutes}m`

const back = `[${lookBackMinutes}m]`
/** Placeholder for the duration of the k6 `ledger` scenario, which is known only when the query is sent. */
export const ledgerLength = '$ledger'
const duringLedger = `[${ledgerLength}]`
/** A subquery range that covers the k6 `ledger` scenario, with a step short enough to miss no scrape. */
const throughoutLedger = `[${ledgerLength}:1s]`
const { select } = language(allReplicas)

/** The types of messages that a replica answers; the checks do not count control messages. */
export const understoodTypes = ['message', 'broadcast'] as const

/** A query and, if it is not evaluated at the current time, its evaluation time. */
export interface Asked {
  query: string
  /** The file whose modification time is the query's evaluation time: a learner's file, or the report of the k6 `ledger` scenario. */
  upTo?: LearnerFile | 'ledger'
}

export const questions = {
  socketsOpened: { query: `sum(max_over_time(${select(metrics.connectionsOpened.name)}${back}))` },
  messagesUnderstood: {
    query: `sum(max_over_time(${select(metrics.messagesReceived.name, `type=~"${understoodTypes.join('|')}"`)}${back}))`,
  },
  replicasAskedForHealth: {
    query: `count(sum by (${replicaLabel}) (max_over_time(${select(metrics.httpRequests.name, `route="${paths.health}"`)}${back})) > 0)`,
  },
  /** Maximum number of open sockets on all replicas together: a subquery sums the sockets of all replicas every five seconds. */
  peakSockets: { query: `max_over_time(${queries(allReplicas).connections}[${reading}:5s])`, upTo: 'peak.txt' },
  fullestReplica: { query: `max(max_over_time(${select(metrics.connectionsActive.name)}[${reading}]))`, upTo: 'peak.txt' },
  ledgerAccepted: { query: `sum(max_over_time(${prometheusName(loadMetrics.ledgerAccepted)}${duringLedger}))`, upTo: 'ledger' },
  ledgerFindings: { query: `sum(max_over_time(${prometheusName(loadMetrics.ledgerFindings)}${duringLedger}))`, upTo: 'ledger' },
  /** Counts the messages in which draining replicas ask clients to reconnect; each replica is scraped once more before it exits. */
  drainGoodbyes: {
    query: `sum(max_over_time(${select(metrics.goodbyes.name, 'reason="draining"')}${duringLedger}))`,
    upTo: 'ledger',
  },
  /** Number of replica restarts for any reason. */
  replicasRestarted: {
    query: `sum(changes((sum by (${replicaLabel}) (${select(standardMetrics.startTime)}))${throughoutLedger}))`,
    upTo: 'ledger',
  },
  /**
   * Number of replica restarts after a drain. A replica with a short drain may exit in the draining state, before its state changes to
   * closed.
   */
  replicasDrained: {
    query: `sum(resets((sum by (${replicaLabel}) (${select(metrics.replicaState.name, 'state=~"draining|closed"')}))${throughoutLedger}))`,
    upTo: 'ledger',
  },
  versionsAtOnce: { query: `max_over_time(count(count by (version) (${select(metrics.buildInfo.name)}))[${lookBackMinutes}m:5s])` },
  secondsSinceUndo: {
    query: `time() - max(max_over_time(${liveMetrics.rolloutEvent.name}{job="${jobs.live}", reason="UndoRequested"}${back}))`,
  },
  storeAway: { query: `count(min_over_time(${select(metrics.dependencyUp.name)}${back}) == 0)` },
  storeAlerted: { query: `max(max_over_time(ALERTS{alertname="${storeAlert}", alertstate="firing"}${back}))` },
  storeAlertsNow: { query: `count(ALERTS{alertname="${storeAlert}", alertstate="firing"}) or vector(0)` },
  storeUpNow: { query: `min(${select(metrics.dependencyUp.name)})` },
} as const satisfies Record<string, Asked>

export type Question = keyof typeof questions
