/** What the checks ask Prometheus: each question gives one number, or nothing where there is no series. Pure. */
import { paths } from '@lab/contract/endpoints.ts'
import { loadMetrics, prometheusName } from '@lab/contract/load-metrics.ts'
import { metrics, replicaLabel } from '@lab/contract/metrics.ts'
import { allReplicas, language, queries, standardMetrics } from '@lab/contract/queries.ts'
import { stormMetrics } from '@lab/contract/storm-metrics.ts'
import { type LearnerFile, lookBackMinutes } from './facts.ts'

/** The alert of a replica without its store. */
export const storeAlert = 'DependencyDown'

/** How far back a graph is read: as far as the dashboards show when they are opened. */
export const readingMinutes = 15
const reading = `${readingMinutes}m`

const back = `[${lookBackMinutes}m]`
/** Stands for the length of the ledger, which is known only when it is asked. */
export const ledgerLength = '$ledger'
const duringLedger = `[${ledgerLength}]`
/** The same for what has to be computed first, often enough to miss no scrape. */
const throughoutLedger = `[${ledgerLength}:1s]`
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
  /** A sum is computed at each scrape before its highest is looked for. */
  peakSockets: { query: `max_over_time(${queries(allReplicas).connections}[${reading}:5s])`, upTo: 'peak.txt' },
  fullestReplica: { query: `max(max_over_time(${select(metrics.connectionsActive.name)}[${reading}]))`, upTo: 'peak.txt' },
  ledgerAccepted: { query: `sum(max_over_time(${prometheusName(loadMetrics.ledgerAccepted)}${duringLedger}))`, upTo: 'ledger' },
  ledgerFindings: { query: `sum(max_over_time(${prometheusName(loadMetrics.ledgerFindings)}${duringLedger}))`, upTo: 'ledger' },
  /** Who leaves waits for its last scrape, so that this is on record. */
  drainGoodbyes: {
    query: `sum(max_over_time(${select(metrics.goodbyes.name, 'reason="draining"')}${duringLedger}))`,
    upTo: 'ledger',
  },
  /** How often one was started again, however it had ended. */
  replicasRestarted: {
    query: `sum(changes((sum by (${replicaLabel}) (${select(standardMetrics.startTime)}))${throughoutLedger}))`,
    upTo: 'ledger',
  },
  /** How often one was started again that had been leaving when it was seen last. Who is hurried leaves before it is closed. */
  replicasDrained: {
    query: `sum(resets((sum by (${replicaLabel}) (${select(metrics.replicaState.name, 'state=~"draining|closed"')}))${throughoutLedger}))`,
    upTo: 'ledger',
  },
  stormDials: { query: `sum(max_over_time(${prometheusName(stormMetrics.dials)}${back}))` },
  storeAway: { query: `count(min_over_time(${select(metrics.dependencyUp.name)}${back}) == 0)` },
  storeAlerted: { query: `max(max_over_time(ALERTS{alertname="${storeAlert}", alertstate="firing"}${back}))` },
  storeAlertsNow: { query: `count(ALERTS{alertname="${storeAlert}", alertstate="firing"}) or vector(0)` },
  storeUpNow: { query: `min(${select(metrics.dependencyUp.name)})` },
} as const satisfies Record<string, Asked>

export type Question = keyof typeof questions
