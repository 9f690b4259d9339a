/** A metric nobody reads is noise: each has a reader, or stands here with the reason why not. */
import { loadMetrics } from '@lab/contract/load-metrics.ts'
import { type MetricKey, metrics } from '@lab/contract/metrics.ts'
import { type ReceiverMetricKey, receiverMetrics } from '@lab/contract/receiver-metrics.ts'
import { type ScalerMetricKey, scalerMetrics } from '@lab/contract/scaler-metrics.ts'
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

  test('has a name of its own', () => {
    const specs = [metrics, scalerMetrics, receiverMetrics, loadMetrics].flatMap((all) => Object.values<{ name: string }>(all))
    const names = specs.map(({ name }) => name)
    expect(names).toEqual([...new Set(names)])
  })
})
