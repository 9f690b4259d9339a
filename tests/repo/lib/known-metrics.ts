/** Every metric that may be asked for, with its labels: the contract's, and a short list of other systems'. */
import { closeCodes } from '@lab/contract/close-codes.ts'
import { jobs } from '@lab/contract/endpoints.ts'
import { type LoadMetricSpec, loadMetrics, prometheusName, trendStats } from '@lab/contract/load-metrics.ts'
import { clientMessageTypes, errorCodes, serverMessageTypes } from '@lab/contract/messages.ts'
import { directions, type MetricSpec, metrics, refusalCauses, replicaLabel, replicaStates, resumeResults } from '@lab/contract/metrics.ts'
import { conditionStatuses, metricTargetTypes, proposalStages, scaleDirections, scalerMetrics } from '@lab/contract/scaler-metrics.ts'
import { stormMetrics } from '@lab/contract/storm-metrics.ts'
import { collectDefaultMetrics, Histogram, Registry } from 'prom-client'

/** Labels by metric name. */
export type KnownMetrics = ReadonlyMap<string, ReadonlySet<string>>

/** Added by Prometheus when it scrapes. */
const scrapeLabels = ['job', 'instance', replicaLabel]

/** Metrics of Prometheus itself, of Traefik and of k6 that the lab reads. Add to it what a dashboard or rule newly needs. */
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
  // k6's own, beside those of the lab's scripts.
  k6_ws_sessions_total: ['status', 'scenario', 'name'],
  prometheus_config_last_reload_successful: [],
  alertmanager_config_last_reload_successful: [],
}

/** Tags that k6 sends as labels. */
const loadLabels = ['scenario', 'testid']

/**
 * @param specs the contract's metrics, those of the service and of the scaler; tests of the tests pass changed ones
 * @param recorded names of recording rules
 */
export function knownMetrics(
  specs: readonly MetricSpec[] = [...Object.values(metrics), ...Object.values(scalerMetrics)],
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

/** What the Node client exports by default, asked of the client itself. */
function nodeMetrics(): Pick<MetricSpec, 'name' | 'kind' | 'labels'>[] {
  const register = new Registry()
  collectDefaultMetrics({ register })
  return register.getMetricsAsArray().map((metric) => {
    // The type says less than there is: every metric keeps the names of its labels.
    const { labelNames } = metric as unknown as { labelNames: string[] }
    const kind = (metric as unknown) instanceof Histogram ? 'histogram' : 'gauge'
    return { name: metric.name, kind, labels: labelNames }
  })
}

function loadMetricNames(): string[] {
  const all: LoadMetricSpec[] = [...Object.values(loadMetrics), ...Object.values(stormMetrics)]
  return all.flatMap((metric) =>
    metric.kind === 'trend' ? trendStats.map((stat) => prometheusName(metric, stat)) : [prometheusName(metric)],
  )
}

/**
 * The values a label of a contract's metric can have.
 * @returns undefined when they are not fixed
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
  [metrics.errors.name]: { cause: Object.keys(errorCodes) },
  [metrics.messages.name]: { direction: directions },
  [metrics.messagesReceived.name]: { type: clientMessageTypes },
  [metrics.messagesSent.name]: { type: serverMessageTypes },
  [metrics.replicaState.name]: { state: replicaStates },
  [metrics.sessionsResumed.name]: { result: resumeResults },
  [scalerMetrics.specTargetMetric.name]: { metric_target_type: metricTargetTypes },
  [scalerMetrics.statusTargetMetric.name]: { metric_target_type: metricTargetTypes },
  [scalerMetrics.statusCondition.name]: { status: conditionStatuses },
  [scalerMetrics.actionDuration.name]: { direction: scaleDirections },
  [scalerMetrics.tolerance.name]: { direction: scaleDirections },
  [scalerMetrics.proposedReplicas.name]: { stage: proposalStages },
}
