/**
 * Lists all metrics that queries may use, with their labels: the metrics from contract/, and some metrics of Prometheus, Traefik and k6.
 */
import { closeCodes } from '@lab/contract/close-codes.ts'
import { containerMetrics, readingResults } from '@lab/contract/container-metrics.ts'
import { jobs } from '@lab/contract/endpoints.ts'
import { kubeStateMetrics, podPhases, waitingReasons } from '@lab/contract/kube-state-metrics.ts'
import { type LoadMetricSpec, loadMetrics, prometheusName, trendStats } from '@lab/contract/load-metrics.ts'
import { clientMessageTypes, errorCodes, serverMessageTypes } from '@lab/contract/messages.ts'
import { directions, type MetricSpec, metrics, refusalCauses, replicaLabel, replicaStates, resumeResults } from '@lab/contract/metrics.ts'
import { liveMetrics } from '@lab/contract/rollouts.ts'
import { conditionStatuses, metricTargetTypes, proposalStages, scaleDirections, scalerMetrics } from '@lab/contract/scaler-metrics.ts'
import { collectDefaultMetrics, Histogram, Registry } from 'prom-client'

/** The names of all known metrics, each with its label names. */
export type KnownMetrics = ReadonlyMap<string, ReadonlySet<string>>

/** Labels that Prometheus adds to scraped metrics. */
const scrapeLabels = ['job', 'instance', replicaLabel]

/**
 * Metrics of Prometheus, Traefik and k6 that the lab queries. Before a dashboard or rule uses another metric of these systems, add the
 * metric here.
 */
const otherSystems: Record<string, string[]> = {
  up: [],
  ALERTS: ['alertname', 'alertstate', 'severity', 'job', 'replica', 'slo', 'clock'],
  traefik_config_reloads_total: [],
  traefik_config_last_reload_success: [],
  traefik_open_connections: ['entrypoint', 'protocol'],
  traefik_entrypoint_requests_total: ['entrypoint', 'code', 'method', 'protocol'],
  traefik_entrypoint_request_duration_seconds_bucket: ['entrypoint', 'code', 'method', 'protocol', 'le'],
  traefik_service_requests_total: ['service', 'code', 'method', 'protocol'],
  traefik_service_server_up: ['service', 'url'],
  // k6's built-in metrics.
  k6_ws_sessions_total: ['status', 'scenario', 'name'],
  prometheus_config_last_reload_successful: [],
  alertmanager_config_last_reload_successful: [],
}

/** Tags that k6 sends as labels. */
const loadLabels = ['scenario', 'testid']

/**
 * @param specs the metrics from contract/; this module's tests pass modified metrics instead
 * @param recorded the names of the recording rules
 */
export function knownMetrics(
  specs: readonly MetricSpec[] = [metrics, scalerMetrics, kubeStateMetrics, liveMetrics, containerMetrics].flatMap((all) =>
    Object.values<MetricSpec>(all),
  ),
  recorded: readonly string[] = [],
): KnownMetrics {
  const known = new Map<string, ReadonlySet<string>>()
  const add = (name: string, labels: readonly string[]) => known.set(name, new Set([...labels, ...scrapeLabels]))
  for (const { name, kind, labels } of [...specs, ...nodeMetrics()]) {
    if (kind !== 'histogram') add(name, labels)
    else for (const [suffix, more] of histogramSeries) add(name + suffix, [...labels, ...more])
  }
  for (const [name, labels] of Object.entries(otherSystems)) add(name, labels)
  for (const name of loadMetricNames()) add(name, loadLabels)
  for (const name of recorded) add(name, [])
  return known
}

const histogramSeries: [string, string[]][] = [
  ['_bucket', ['le']],
  ['_sum', []],
  ['_count', []],
]

/** Returns prom-client's default metrics, read from prom-client itself. */
function nodeMetrics(): Pick<MetricSpec, 'name' | 'kind' | 'labels'>[] {
  const register = new Registry()
  collectDefaultMetrics({ register })
  return register.getMetricsAsArray().map((metric) => {
    // At run time, every prom-client metric has a labelNames property, but prom-client's types do not declare it.
    const { labelNames } = metric as unknown as { labelNames: string[] }
    const kind = (metric as unknown) instanceof Histogram ? 'histogram' : 'gauge'
    return { name: metric.name, kind, labels: labelNames }
  })
}

function loadMetricNames(): string[] {
  const all: LoadMetricSpec[] = Object.values(loadMetrics)
  return all.flatMap((metric) =>
    metric.kind === 'trend' ? trendStats.map((stat) => prometheusName(metric, stat)) : [prometheusName(metric)],
  )
}

/**
 * Returns the values that a metric's label can have, according to contract/.
 * @returns undefined if the label's values are not fixed
 */
export function knownValues(metric: string, label: string): readonly string[] | undefined {
  return valuesByMetric[metric]?.[label] ?? valuesByLabel[label]
}

const valuesByLabel: Record<string, readonly string[]> = { job: Object.values(jobs) }

const valuesByMetric: Record<string, Record<string, readonly string[]>> = {
  [metrics.connectionsClosed.name]: {
    cause: Object.keys(closeCodes),
    code: Object.values(closeCodes).map(({ code }) => String(code)),
  },
  [metrics.connectionsRefused.name]: { cause: refusalCauses },
  [containerMetrics.readings.name]: { result: readingResults },
  [metrics.errors.name]: { cause: Object.keys(errorCodes) },
  [metrics.messages.name]: { direction: directions },
  [metrics.messagesReceived.name]: { type: clientMessageTypes },
  [metrics.messagesSent.name]: { type: serverMessageTypes },
  [metrics.replicaState.name]: { state: replicaStates },
  [metrics.sessionsResumed.name]: { result: resumeResults },
  [scalerMetrics.specTargetMetric.name]: { metric_target_type: metricTargetTypes },
  [scalerMetrics.statusTargetMetric.name]: { metric_target_type: metricTargetTypes },
  [scalerMetrics.statusCondition.name]: { status: conditionStatuses },
  [kubeStateMetrics.podPhase.name]: { phase: podPhases },
  [kubeStateMetrics.podReady.name]: { condition: conditionStatuses },
  [kubeStateMetrics.containerWaitingReason.name]: { reason: waitingReasons },
  [scalerMetrics.actionDuration.name]: { direction: scaleDirections },
  [scalerMetrics.tolerance.name]: { direction: scaleDirections },
  [scalerMetrics.proposedReplicas.name]: { stage: proposalStages },
}
