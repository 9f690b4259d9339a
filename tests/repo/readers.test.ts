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
  roomMessages: 'waits for the panels on stores',
  roomLogMessages: 'waits for the panels on stores',
  roomLogBytes: 'waits for the panels on stores',
  roomOutbox: 'waits for the panels on stores',
  storeRoundTrip: 'waits for the panels on stores',
  storeClients: 'waits for the panels on stores',
  storeMemory: 'waits for the panels on stores',
  storeCommands: 'waits for the panels on stores',
  connectionsTotal: 'for dashboards of other labs; ours read connectionsActive',
  connectionDuration: 'for questions asked by hand: how long do sessions last?',
  bytesReceived: 'for questions asked by hand: what does a message weigh?',
  bytesSent: 'for questions asked by hand: what does a message weigh?',
  sessionsResumed: 'waits for the panels on resuming',
  messagesReplayed: 'waits for the panels on resuming',
  sessionsHeld: 'waits for the panels on resuming',
  rooms: 'waits for the panels on rooms',
  roomMembers: 'waits for the panels on rooms',
  pubsubLag: 'waits for rooms that span replicas',
  dependencyUp: 'waits for the first dependency, Valkey',
  httpRequests: 'for questions asked by hand; the entry counts requests as well',
  buildInfo: 'for questions asked by hand: what runs where?',
}

const forHpaDashboards = 'for dashboards and alerts made for kube-state-metrics'
const waitsForScalerPanels = 'waits for the panels on the scaler'
/** The same for those of the scaler. */
const scalerWithoutReader: Partial<Record<ScalerMetricKey, string>> = {
  info: forHpaDashboards,
  metadataGeneration: forHpaDashboards,
  specMinReplicas: forHpaDashboards,
  specMaxReplicas: forHpaDashboards,
  specTargetMetric: forHpaDashboards,
  statusTargetMetric: forHpaDashboards,
  statusCurrentReplicas: forHpaDashboards,
  statusDesiredReplicas: forHpaDashboards,
  statusCondition: forHpaDashboards,
  decisionDuration: waitsForScalerPanels,
  actionDuration: waitsForScalerPanels,
  lastSync: waitsForScalerPanels,
  missingReplicas: waitsForScalerPanels,
  drainingReplicas: waitsForScalerPanels,
  paused: waitsForScalerPanels,
  timeScale: waitsForScalerPanels,
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
  test.each(Object.keys(metrics) as MetricKey[])('%s is read by a panel or rule, or says why not', (key) => {
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
