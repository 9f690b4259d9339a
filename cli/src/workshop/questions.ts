/** What the checks ask Prometheus: each question gives one number, or nothing where there is no series. Pure. */
import { paths } from '@lab/contract/endpoints.ts'
import { loadMetrics, prometheusName } from '@lab/contract/load-metrics.ts'
import { metrics, replicaLabel } from '@lab/contract/metrics.ts'
import { allReplicas, language, queries, standardMetrics } from '@lab/contract/queries.ts'
import { stormMetrics } from '@lab/contract/storm-metrics.ts'
import { type LearnerFile, lookBackMinutes } from './facts.ts'

/** The alert of a replica without its store. */
export const storeAlert = 'DependencyDown'

const back = `[${lookBackMinutes}m]`
/** For what has to be computed before its highest is looked for; one scrape. */
const stepwise = `[${lookBackMinutes}m:5s]`
/** Stands for the length of the ledger, which is known only when it is asked. */
export const ledgerLength = '$ledger'
const duringLedger = `[${ledgerLength}]`
const { select } = language(allReplicas)

/** A question, and the moment it is about where that is not now. */
export interface Asked {
  query: string
  /** About the time up to when this was written. */
  upTo?: LearnerFile | 'ledger'
}

export const questions = {
  socketsOpened: { query: `sum(max_over_time(${select(metrics.connectionsOpened.name)}${back}))` },
  messagesUnderstood: {
    query: `sum(max_over_time(${select(metrics.messagesReceived.name, 'type=~"message|broadcast"')}${back}))`,
  },
  replicasAskedForHealth: {
    query: `count(sum by (${replicaLabel}) (max_over_time(${select(metrics.httpRequests.name, `route="${paths.health}"`)}${back})) > 0)`,
  },
  peakSockets: { query: `max_over_time(${queries(allReplicas).connections}${stepwise})`, upTo: 'peak.txt' },
  fullestReplica: { query: `max(max_over_time(${select(metrics.connectionsActive.name)}${back}))`, upTo: 'peak.txt' },
  ledgerAccepted: { query: `sum(max_over_time(${prometheusName(loadMetrics.ledgerAccepted)}${duringLedger}))`, upTo: 'ledger' },
  ledgerFindings: { query: `sum(max_over_time(${prometheusName(loadMetrics.ledgerFindings)}${duringLedger}))`, upTo: 'ledger' },
  /** Who leaves waits for its last scrape, so that this is on record. */
  drainGoodbyes: {
    query: `sum(max_over_time(${select(metrics.goodbyes.name, 'reason="draining"')}${duringLedger}))`,
    upTo: 'ledger',
  },
  /** How often one was started again that had been drained or killed. */
  replicasRestarted: { query: `sum(changes(${select(standardMetrics.startTime)}${duringLedger}))`, upTo: 'ledger' },
  stormDials: { query: `sum(max_over_time(${prometheusName(stormMetrics.dials)}${back}))` },
  storeAway: { query: `count(min_over_time(${select(metrics.dependencyUp.name)}${back}) == 0)` },
  storeAlerted: { query: `max(max_over_time(ALERTS{alertname="${storeAlert}", alertstate="firing"}${back}))` },
  storeAlertsNow: { query: `count(ALERTS{alertname="${storeAlert}", alertstate="firing"}) or vector(0)` },
  storeUpNow: { query: `min(${select(metrics.dependencyUp.name)})` },
} as const satisfies Record<string, Asked>

export type Question = keyof typeof questions
