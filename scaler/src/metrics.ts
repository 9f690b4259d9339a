/** The scaler's metrics, from the records of its synchronisations and from nothing else. */
import type { MetricSpec as ExportedMetric } from '@lab/contract/metrics.ts'
import {
  conditionStatuses,
  type metricTargetTypes,
  type ProposalStage,
  type ScalerMetricKey,
  scaleDirections,
  scalerMetrics,
} from '@lab/contract/scaler-metrics.ts'
import { Gauge, Histogram, Registry } from 'prom-client'
import type { HorizontalPodAutoscaler, MetricSpec } from './core/types.ts'
import { carriedOutResults, type TickRecord } from './record.ts'
import { metricName } from './views/view.ts'

export interface ScalerMetrics {
  readonly registry: Registry
  /** Takes the newest record: gauges show it, histograms count it. Each record once, in the order of time. */
  observe(record: TickRecord): void
}

type Labels = Record<string, string>
type Direction = (typeof scaleDirections)[number]
type TargetType = (typeof metricTargetTypes)[number]

/** Without a record there is no series but the histograms, which are at zero. */
export function createScalerMetrics(): ScalerMetrics {
  const registry = new Registry()
  const gauges = new Map<ScalerMetricKey, Gauge>()
  for (const key of Object.keys(scalerMetrics) as ScalerMetricKey[]) {
    const spec: ExportedMetric = scalerMetrics[key]
    if (spec.kind !== 'gauge') continue
    const gauge = new Gauge({ ...described(spec), registers: [registry] })
    // The client starts a gauge without labels at zero; a synchronisation in 1970 would alarm somebody.
    if (spec.labels.length === 0) gauge.remove()
    gauges.set(key, gauge)
  }
  const decisionDuration = histogram(registry, 'decisionDuration')
  const actionDuration = histogram(registry, 'actionDuration')
  // There from the start, or the first change of its kind is no increase of anything.
  for (const direction of scaleDirections) for (const result of carriedOutResults) actionDuration.zero({ direction, result })
  let generation = 0
  let known = ''
  let lastRescale: Series | undefined
  let readySeconds: ReadonlyMap<string, ReadyTime> = new Map()

  return {
    registry,
    observe(record) {
      // Labels are no part of the specification.
      const spec = JSON.stringify({ ...record.hpa, labels: undefined })
      if (spec !== known) generation += 1
      known = spec
      lastRescale = rescaleSeries(record) ?? lastRescale
      readySeconds = readyTimes(record, readySeconds)
      // Conditions, metrics and labels that are gone must not linger.
      for (const gauge of gauges.values()) gauge.reset()
      const kept = [...readySeries(readySeconds), ...(lastRescale === undefined ? [] : [lastRescale])]
      for (const { key, labels, value } of [...seriesOf(record, generation), ...kept]) gauges.get(key)?.set(labels, value)
      decisionDuration.observe(record.decideSeconds)
      const { action } = record
      if (action === null || action.result === 'DryRun') return
      const direction: Direction = action.to > action.from ? 'up' : 'down'
      actionDuration.observe({ direction, result: action.result }, action.durationSeconds)
    },
  }
}

function histogram(registry: Registry, key: 'decisionDuration' | 'actionDuration'): Histogram {
  const { buckets } = scalerMetrics[key]
  return new Histogram({ ...described(scalerMetrics[key]), buckets: [...buckets], registers: [registry] })
}

function described({ name, help, labels }: ExportedMetric): { name: string; help: string; labelNames: string[] } {
  return { name, help, labelNames: [...labels] }
}

interface Series {
  readonly key: ScalerMetricKey
  readonly labels: Labels
  readonly value: number
}

/** What the gauges show of a record. */
function seriesOf(record: TickRecord, generation: number): Series[] {
  const { hpa, decision, observation } = record
  const autoscaler: Labels = { namespace: hpa.namespace, horizontalpodautoscaler: hpa.name }
  const own = (key: ScalerMetricKey, value: number): Series => ({ key, labels: autoscaler, value })
  const plain = (key: ScalerMetricKey, value: number): Series => ({ key, labels: {}, value })
  return [
    { key: 'info', labels: { ...autoscaler, ...targetLabels(hpa) }, value: 1 },
    own('metadataGeneration', generation),
    own('specMinReplicas', hpa.minReplicas),
    own('specMaxReplicas', hpa.maxReplicas),
    ...hpa.metrics.flatMap((metric) => metricSeries('specTargetMetric', autoscaler, metric, metric.target)),
    ...hpa.metrics.flatMap((metric, i) =>
      metricSeries('statusTargetMetric', autoscaler, metric, decision.metrics[i]?.reasoning?.current ?? {}),
    ),
    ...(decision.currentReplicas === null ? [] : [own('statusCurrentReplicas', decision.currentReplicas)]),
    own('statusDesiredReplicas', decision.desiredReplicas),
    ...conditionSeries(record, autoscaler),
    ...missingSeries(record),
    ...proposalSeries(record),
    ...toleranceSeries(record),
    plain('lastSync', Date.parse(record.time) / 1000),
    plain('drainingReplicas', observation.pods.filter(({ deleting }) => deleting).length),
    plain('paused', record.paused ? 1 : 0),
    plain('timeScale', record.timeScale),
  ]
}

function targetLabels({ scaleTargetRef: { apiVersion = '', kind, name } }: HorizontalPodAutoscaler): Labels {
  return { scaletargetref_api_version: apiVersion, scaletargetref_kind: kind, scaletargetref_name: name }
}

/** As kube-state-metrics: one series for each kind of number there is, a share of the request in percent. */
function metricSeries(
  key: ScalerMetricKey,
  autoscaler: Labels,
  metric: MetricSpec,
  numbers: { readonly averageUtilization?: number; readonly averageValueMilli?: number; readonly valueMilli?: number },
): Series[] {
  const { averageUtilization, averageValueMilli, valueMilli } = numbers
  const values: Readonly<Record<TargetType, number | undefined>> = {
    value: valueMilli === undefined ? undefined : valueMilli / 1000,
    utilization: averageUtilization,
    average: averageValueMilli === undefined ? undefined : averageValueMilli / 1000,
  }
  return Object.entries(values).flatMap(([type, value]) => {
    if (value === undefined) return []
    return [{ key, labels: { ...autoscaler, metric_name: metricName(metric), metric_target_type: type }, value }]
  })
}

function conditionSeries({ decision }: TickRecord, autoscaler: Labels): Series[] {
  return decision.conditions.flatMap(({ type, status }) =>
    conditionStatuses.map((candidate) => ({
      key: 'statusCondition' as const,
      labels: { ...autoscaler, condition: type, status: candidate },
      value: status.toLowerCase() === candidate ? 1 : 0,
    })),
  )
}

/** Two metrics of one name, told apart by their selectors only, share a series: the larger number is shown. */
function missingSeries({ decision }: TickRecord): Series[] {
  const missing = new Map<string, number>()
  for (const { name, reasoning } of decision.metrics) {
    const count = reasoning?.pods?.missing.length
    if (count !== undefined) missing.set(name, Math.max(missing.get(name) ?? 0, count))
  }
  return [...missing].map(([name, value]) => ({ key: 'missingReplicas', labels: { metric_name: name }, value }))
}

/** The way of the count through the windows, policies and limits; nothing of a stage that was not reached. */
function proposalSeries({ decision }: TickRecord): Series[] {
  const stages: Readonly<Record<ProposalStage, number | null>> = {
    recommended: decision.recommendation,
    stabilized: decision.stabilized,
    policy_limited: decision.policyLimited,
    bounded: decision.bounded,
  }
  return Object.entries(stages).flatMap(([stage, value]) =>
    value === null ? [] : [{ key: 'proposedReplicas' as const, labels: { stage }, value }],
  )
}

function toleranceSeries({ decision }: TickRecord): Series[] {
  return decision.metrics.flatMap(({ name, reasoning }) => {
    if (reasoning === null) return []
    const { up, down } = reasoning.tolerance
    const bounds: Readonly<Record<Direction, number>> = { up, down }
    return Object.entries(bounds).map(([direction, value]) => ({
      key: 'tolerance' as const,
      labels: { metric_name: name, direction },
      value,
    }))
  })
}

/** The change this synchronisation made; undefined: none, or it failed. */
function rescaleSeries({ action, decision, time }: TickRecord): Series | undefined {
  if (action?.result !== 'Succeeded') return undefined
  const labels = { from: String(action.from), to: String(action.to), reason: decision.rescaleReason }
  return { key: 'lastRescale', labels, value: Date.parse(time) / 1000 }
}

interface ReadyTime {
  readonly startedAt: number
  readonly seconds: number
}

/** Each replica's way to its first readiness. One that is unready for a while keeps its time; a new one of the same name gets its own. */
function readyTimes(record: TickRecord, before: ReadonlyMap<string, ReadyTime>): ReadonlyMap<string, ReadyTime> {
  const { observation, timeScale } = record
  return new Map(
    observation.pods.flatMap(({ name, startTimeSeconds: startedAt, ready }): [string, ReadyTime][] => {
      if (startedAt === null) return []
      const known = before.get(name)
      if (known?.startedAt === startedAt) return [[name, known]]
      if (ready?.status !== 'True') return []
      return [[name, { startedAt, seconds: Math.max(0, ready.sinceSeconds - startedAt) / timeScale }]]
    }),
  )
}

function readySeries(times: ReadonlyMap<string, ReadyTime>): Series[] {
  return [...times].map(([replica, { seconds }]) => ({ key: 'replicaReady', labels: { replica }, value: seconds }))
}
