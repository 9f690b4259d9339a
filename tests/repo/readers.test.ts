/** A metric nobody reads is noise: each has a reader, or stands here with the reason why not. */
import { type LoadMetricKey, type LoadMetricSpec, loadMetrics, prometheusName, trendStats } from '@lab/contract/load-metrics.ts'
import { type MetricKey, metrics } from '@lab/contract/metrics.ts'
import { type ReceiverMetricKey, receiverMetrics } from '@lab/contract/receiver-metrics.ts'
import { type ScalerMetricKey, scalerMetrics } from '@lab/contract/scaler-metrics.ts'
import { stormMetrics } from '@lab/contract/storm-metrics.ts'
import { describe, expect, test } from 'vitest'
import { allExpressions } from './lib/expressions.ts'
import { parsePromql } from './lib/promql.ts'

/** Metrics without a panel or rule, and why they are exported all the same. */
const withoutReader: Partial<Record<MetricKey, string>> = {
  connectionsTotal: 'for dashboards of other labs; ours read connectionsActive',
}

const forHpaDashboards = 'for dashboards and alerts made for kube-state-metrics'
/** The same for those of the scaler. */
const scalerWithoutReader: Partial<Record<ScalerMetricKey, string>> = {
  info: forHpaDashboards,
  metadataGeneration: forHpaDashboards,
}

/** The same for those of the alert receiver. */
const receiverWithoutReader: Partial<Record<ReceiverMetricKey, string>> = {
  alerts: 'for questions asked by hand: which alerts fired, and how often?',
  truncated: 'for questions asked by hand: did the receiver see every alert?',
  rejected: 'for questions asked by hand: did the receiver take every notification?',
}

/** The same for those of the load scripts: they are for one scenario each, and no page is about one scenario. */
const loadWithoutReader: Partial<Record<LoadMetricKey, string>> = {
  ledgerAccepted: 'for the threshold of the scenario ledger, and for the check of the workshop',
  ledgerDelivered: 'for the threshold of the scenario ledger',
  ledgerFindings: 'for the threshold of the scenario ledger, and for the check of the workshop',
}
const stormWithoutReader: Partial<Record<keyof typeof stormMetrics, string>> = {
  lost: 'for the threshold and the summary of the scenario storm',
  dials: 'for the summary of the scenario storm, second by second, and for the check of the workshop',
  connects: 'for the summary of the scenario storm, second by second',
  back: 'for the summary of the scenario storm',
}

/** A metric of k6 by the names it has in Prometheus: a trend has one for each of its statistics, and one that is read will do. */
function loadNames(metric: LoadMetricSpec): string[] {
  return metric.kind === 'trend' ? trendStats.map((stat) => prometheusName(metric, stat)) : [prometheusName(metric)]
}

const readers = allExpressions().filter(({ file }) => /\.(json|yaml)$/.test(file))
const read = new Set(
  readers.flatMap(({ expr }) => parsePromql(expr).selectors.map(({ metric }) => metric.replace(/_(bucket|sum|count)$/, ''))),
)

describe('every metric of the contract', () => {
  test.each(Object.keys(metrics) as MetricKey[])('%s is read by a panel, a rule or the scaler, or says why not', (key) => {
    const name: string = metrics[key].name
    const hasReader = read.has(name)
    expect({ name, hasReader }).toEqual({ name, hasReader: withoutReader[key] === undefined })
  })

  test.each(Object.keys(scalerMetrics) as ScalerMetricKey[])('%s of the scaler is read by a panel or rule, or says why not', (key) => {
    const name: string = scalerMetrics[key].name
    const hasReader = read.has(name)
    expect({ name, hasReader }).toEqual({ name, hasReader: scalerWithoutReader[key] === undefined })
  })

  test.each(Object.keys(receiverMetrics) as ReceiverMetricKey[])('%s of the alert receiver is read, or says why not', (key) => {
    const name: string = receiverMetrics[key].name
    const hasReader = read.has(name)
    expect({ name, hasReader }).toEqual({ name, hasReader: receiverWithoutReader[key] === undefined })
  })

  test.each([
    ...Object.entries(loadMetrics).map(([key, spec]) => ({ spec, reason: loadWithoutReader[key as LoadMetricKey] })),
    ...Object.entries(stormMetrics).map(([key, spec]) => ({ spec, reason: stormWithoutReader[key as keyof typeof stormMetrics] })),
  ])('$spec.name of the load scripts is read by a panel or rule, or says why not', ({ spec, reason }) => {
    const names = loadNames(spec)
    const hasReader = names.some((name) => read.has(name))
    expect({ names, hasReader }).toEqual({ names, hasReader: reason === undefined })
  })

  test('has a name of its own', () => {
    const specs = [metrics, scalerMetrics, receiverMetrics, loadMetrics, stormMetrics].flatMap((all) =>
      Object.values<{ name: string }>(all),
    )
    const names = specs.map(({ name }) => name)
    expect(names).toEqual([...new Set(names)])
  })
})
