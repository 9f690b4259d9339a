/** Checks that every metric is used by a panel, a rule or the scaler, or is listed here with a reason. */
import { type ContainerMetricKey, containerMetrics } from '@lab/contract/container-metrics.ts'
import { type KubeStateMetricKey, kubeStateMetrics } from '@lab/contract/kube-state-metrics.ts'
import { type LoadMetricKey, type LoadMetricSpec, loadMetrics, prometheusName, trendStats } from '@lab/contract/load-metrics.ts'
import { type MetricKey, metrics } from '@lab/contract/metrics.ts'
import { type ReceiverMetricKey, receiverMetrics } from '@lab/contract/receiver-metrics.ts'
import { liveMetrics } from '@lab/contract/rollouts.ts'
import { type ScalerMetricKey, scalerMetrics } from '@lab/contract/scaler-metrics.ts'
import { describe, expect, test } from 'vitest'
import { publicQueries } from '../k8s-sim/lib/public-queries.ts'
import { allExpressions } from './lib/expressions.ts'
import { parsePromql } from './lib/promql.ts'

/** Metrics that no panel or rule uses, each with the reason why it is exported. */
const withoutReader: Partial<Record<MetricKey, string>> = {
  connectionsTotal: 'for dashboards of other labs; ours read connectionsActive',
}

const forHpaDashboards = 'for dashboards and alerts made for kube-state-metrics'
/** Scaler metrics that no panel or rule uses. */
const scalerWithoutReader: Partial<Record<ScalerMetricKey, string>> = {
  metadataGeneration: forHpaDashboards,
}

/** Metrics about containers that no panel or rule uses. */
const containerWithoutReader: Partial<Record<ContainerMetricKey, string>> = {
  lastSeen: 'for dashboards made for cAdvisor, which count the running containers with it',
}

/** Alert receiver metrics that no panel or rule uses. */
const receiverWithoutReader: Partial<Record<ReceiverMetricKey, string>> = {
  alerts: 'for manual queries: which alerts fired, and how often?',
  truncated: 'for manual queries: did the receiver get every alert?',
  rejected: 'for manual queries: did the receiver accept every notification?',
}

/**
 * Load script metrics that no panel or rule uses. Each of these metrics belongs to a single scenario, whereas the dashboards cover all
 * scenarios.
 */
const loadWithoutReader: Partial<Record<LoadMetricKey, string>> = {
  sessionsAttached: 'for questions asked by hand: which versions did the clients reach?',
  ledgerAccepted: 'for the threshold of the scenario ledger, and for the check of the workshop',
  ledgerDelivered: 'for the threshold of the scenario ledger',
  ledgerFindings: 'for the threshold of the scenario ledger, and for the check of the workshop',
}

/**
 * Returns the names that a k6 metric has in Prometheus, of which at least one must be used. For each statistic of a k6 trend, Prometheus
 * has a separate metric.
 */
function loadNames(metric: LoadMetricSpec): string[] {
  return metric.kind === 'trend' ? trendStats.map((stat) => prometheusName(metric, stat)) : [prometheusName(metric)]
}

const readers = allExpressions().filter(({ file }) => /\.(json|yaml)$/.test(file))
const read = new Set(
  readers.flatMap(({ expr }) => parsePromql(expr).selectors.map(({ metric }) => metric.replace(/_(bucket|sum|count)$/, ''))),
)

describe('every metric of the contract', () => {
  test.each(Object.keys(metrics) as MetricKey[])('%s is used by a panel, a rule or the scaler, or has a reason', (key) => {
    const name: string = metrics[key].name
    const hasReader = read.has(name)
    expect({ name, hasReader }).toEqual({ name, hasReader: withoutReader[key] === undefined })
  })

  test.each(Object.keys(scalerMetrics) as ScalerMetricKey[])('%s of the scaler is used by a panel or rule, or has a reason', (key) => {
    const name: string = scalerMetrics[key].name
    const hasReader = read.has(name)
    expect({ name, hasReader }).toEqual({ name, hasReader: scalerWithoutReader[key] === undefined })
  })

  const readByPublic = new Set(publicQueries.flatMap(({ promql }) => parsePromql(promql).selectors.map(({ metric }) => metric)))
  test.each(Object.keys(kubeStateMetrics) as KubeStateMetricKey[])('%s is used by a public dashboard or rule', (key) => {
    expect([...readByPublic]).toContain(kubeStateMetrics[key].name)
  })

  test.each(Object.keys(receiverMetrics) as ReceiverMetricKey[])('%s of the alert receiver is used, or has a reason', (key) => {
    const name: string = receiverMetrics[key].name
    const hasReader = read.has(name)
    expect({ name, hasReader }).toEqual({ name, hasReader: receiverWithoutReader[key] === undefined })
  })

  test.each(Object.keys(containerMetrics) as ContainerMetricKey[])('%s of containers is used by a panel, or has a reason', (key) => {
    const name: string = containerMetrics[key].name
    const hasReader = read.has(name)
    expect({ name, hasReader }).toEqual({ name, hasReader: containerWithoutReader[key] === undefined })
  })

  test.each(Object.values(liveMetrics).map(({ name }) => name))('%s of the live page is read by a panel or rule', (name) => {
    expect([...read]).toContain(name)
  })

  test.each(Object.entries(loadMetrics).map(([key, spec]) => ({ spec, reason: loadWithoutReader[key as LoadMetricKey] })))(
    '$spec.name of the load scripts is used by a panel or rule, or has a reason',
    ({ spec, reason }) => {
      const names = loadNames(spec)
      const hasReader = names.some((name) => read.has(name))
      expect({ names, hasReader }).toEqual({ names, hasReader: reason === undefined })
    },
  )

  test('has a unique name', () => {
    const specs = [metrics, scalerMetrics, kubeStateMetrics, receiverMetrics, liveMetrics, containerMetrics, loadMetrics].flatMap((all) =>
      Object.values<{ name: string }>(all),
    )
    const names = specs.map(({ name }) => name)
    expect(names).toEqual([...new Set(names)])
  })
})
