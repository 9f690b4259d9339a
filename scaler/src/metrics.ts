/** Exports the scaler's metrics, which are derived from the records of its syncs. */
import { type KubeStateMetricKey, kubeStateMetrics } from '@lab/contract/kube-state-metrics.ts'
import type { MetricSpec as ExportedMetric } from '@lab/contract/metrics.ts'
import {
  conditionStatuses,
  type metricTargetTypes,
  type ProposalStage,
  type ScalerMetricKey,
  scaleDirections,
  scalerMetrics,
} from '@lab/contract/scaler-metrics.ts'
import { Counter, Gauge, Histogram, Registry } from 'prom-client'
import type { HorizontalPodAutoscaler, MetricSpec } from './core/types.ts'
import { kubeStateSeries } from './kube-state.ts'
import type { ListedReplica } from './ports.ts'
import { carriedOutResults, type TickRecord } from './record.ts'
import { replicasAfterDecision } from './views/diff.ts'
import { metricName } from './views/view.ts'

export interface ScalerMetrics {
  /** The metrics about the scaler itself. */
  readonly registry: Registry
  /** The metrics that kube-state-metrics would export in a cluster. */
  readonly kubeState: Registry
  /** Creates the series of an autoscaler that have values before its first record. */
  add(hpa: Pick<HorizontalPodAutoscaler, 'namespace' | 'name'>): void
  /**
   * Updates the metrics with an autoscaler's newest record. Must be called once per record, in chronological order.
   * @param replicas the replicas as listed for the record's sync
   */
  observe(record: TickRecord, replicas?: readonly ListedReplica[]): void
  /** Exports whether this scaler acts or stands by. */
  setLeader(isLeader: boolean): void
  /** Removes the series of an autoscaler, except for the histograms, whose counts must never decrease. */
  remove(name: string): void
}

/** The labels of a metric, as declared in the shared contract/ folder. */
type Labels<Key extends ScalerMetricKey> = Readonly<Record<(typeof scalerMetrics)[Key]['labels'][number], string>>
/** Metrics whose only labels are those that identify the autoscaler. */
type AutoscalerKey =
  | 'metadataGeneration'
  | 'specMinReplicas'
  | 'specMaxReplicas'
  | 'statusCurrentReplicas'
  | 'statusDesiredReplicas'
  | 'lastSync'
  | 'drainingReplicas'
  | 'paused'
type AutoscalerLabels = Labels<AutoscalerKey>
type Direction = (typeof scaleDirections)[number]
type TargetType = (typeof metricTargetTypes)[number]

/** Creates the metrics. Before the first record, only the histograms have series, with values of 0. */
export function createScalerMetrics(): ScalerMetrics {
  const registry = new Registry()
  const kubeState = new Registry()
  const gauges = new Map<ScalerMetricKey, Gauge>()
  for (const key of Object.keys(scalerMetrics) as ScalerMetricKey[]) {
    const spec: ExportedMetric = scalerMetrics[key]
    if (spec.kind !== 'gauge') continue
    const registers = [spec.name.startsWith('kube_') ? kubeState : registry]
    const gauge = new Gauge({ ...described(spec), registers })
    // prom-client initializes a gauge without labels to 0, which would stand for a sync in 1970.
    if (spec.labels.length === 0) gauge.remove()
    gauges.set(key, gauge)
  }
  const kubeStateExported = new Map<KubeStateMetricKey, Gauge | Counter>()
  for (const key of Object.keys(kubeStateMetrics) as KubeStateMetricKey[]) {
    const Kind = kubeStateMetrics[key].kind === 'counter' ? Counter : Gauge
    kubeStateExported.set(key, new Kind({ ...described(kubeStateMetrics[key]), registers: [kubeState] }))
  }
  const decisionDuration = histogram(registry, 'decisionDuration')
  const actionDuration = histogram(registry, 'actionDuration')
  const known = new Map<string, Known>()
  const added = new Set<string>()

  /** Replaces all gauges, so that the series of conditions, metrics and labels that no longer exist disappear. */
  const exportAll = () => {
    for (const [key, gauge] of gauges) if (key !== 'leader') gauge.reset()
    for (const metric of kubeStateExported.values()) metric.reset()
    // Autoscalers that share a scale target have the same series about it.
    const seen = new Set<string>()
    for (const { record, replicas, generation, lastRescale, readySeconds } of known.values()) {
      const retained = [...readySeries(readySeconds, record), ...(lastRescale === undefined ? [] : [lastRescale])]
      for (const { key, labels, value } of [...seriesOf(record, generation), ...retained]) gauges.get(key)?.set(labels, value)
      for (const { key, labels, value } of kubeStateSeries(record, replicas)) {
        const id = JSON.stringify([key, labels])
        // After a reset, a counter's increment is its value.
        if (!seen.has(id)) kubeStateExported.get(key)?.inc(labels, value)
        seen.add(id)
      }
    }
  }

  return {
    registry,
    kubeState,
    add(hpa) {
      // The action duration series exist from the start, because increase() does not count the first sample of a new series.
      const labels = labelsOf(hpa)
      const id = JSON.stringify(labels)
      if (added.has(id)) return
      added.add(id)
      for (const direction of scaleDirections) for (const result of carriedOutResults) actionDuration.zero({ ...labels, direction, result })
      decisionDuration.zero(labels)
    },
    observe(record, replicas = []) {
      const { hpa, action } = record
      const before = known.get(hpa.name)
      // The autoscaler's labels are not part of its spec.
      const spec = JSON.stringify({ ...hpa, labels: undefined })
      known.set(hpa.name, {
        record,
        replicas,
        spec,
        generation: (before?.generation ?? 0) + (before?.spec === spec ? 0 : 1),
        lastRescale: rescaleSeries(record) ?? before?.lastRescale,
        readySeconds: readyTimes(record, before?.readySeconds ?? new Map()),
      })
      exportAll()
      const labels = labelsOf(hpa)
      decisionDuration.observe(labels, record.decideSeconds)
      if (action === null || action.result === 'DryRun') return
      const direction: Direction = action.to > action.from ? 'up' : 'down'
      actionDuration.observe({ ...labels, direction, result: action.result }, action.durationSeconds)
    },
    setLeader(isLeader) {
      gauges.get('leader')?.set(isLeader ? 1 : 0)
    },
    remove(name) {
      known.delete(name)
      exportAll()
    },
  }
}

/** What is known about an autoscaler from its records. */
interface Known {
  readonly record: TickRecord
  readonly replicas: readonly ListedReplica[]
  readonly spec: string
  readonly generation: number
  readonly lastRescale: Series | undefined
  readonly readySeconds: ReadonlyMap<string, ReadyTime>
}

function labelsOf({ namespace, name }: Pick<HorizontalPodAutoscaler, 'namespace' | 'name'>): AutoscalerLabels {
  return { namespace, horizontalpodautoscaler: name }
}

function histogram(registry: Registry, key: 'decisionDuration' | 'actionDuration'): Histogram {
  const { buckets } = scalerMetrics[key]
  return new Histogram({ ...described(scalerMetrics[key]), buckets: [...buckets], registers: [registry] })
}

function described({ name, help, labels }: ExportedMetric): { name: string; help: string; labelNames: string[] } {
  return { name, help, labelNames: [...labels] }
}

type Series = {
  readonly [Key in ScalerMetricKey]: { readonly key: Key; readonly labels: Labels<Key>; readonly value: number }
}[ScalerMetricKey]

/** Returns the gauge values after the sync that a record describes. */
function seriesOf(record: TickRecord, generation: number): Series[] {
  const { hpa, decision, observation } = record
  const autoscaler = labelsOf(hpa)
  const { apiVersion = '', kind, name } = hpa.scaleTargetRef
  const target = { scaletargetref_api_version: apiVersion, scaletargetref_kind: kind, scaletargetref_name: name }
  const own = (key: AutoscalerKey, value: number): Series => ({ key, labels: autoscaler, value })
  return [
    { key: 'info', labels: { ...autoscaler, ...target }, value: 1 },
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
    ...missingSeries(record, autoscaler),
    ...proposalSeries(record, autoscaler),
    ...toleranceSeries(record, autoscaler),
    ...shadowSeries(record, autoscaler),
    own('lastSync', Date.parse(record.time) / 1000),
    own('drainingReplicas', observation.pods.filter(({ deleting }) => deleting).length),
    own('paused', record.paused ? 1 : 0),
    { key: 'timeScale', labels: {}, value: record.timeScale },
  ]
}

/** Returns one series for each target type (value, utilization or average), like kube-state-metrics. Utilization is exported in percent. */
function metricSeries(
  key: 'specTargetMetric' | 'statusTargetMetric',
  autoscaler: AutoscalerLabels,
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

function conditionSeries({ decision }: TickRecord, autoscaler: AutoscalerLabels): Series[] {
  return decision.conditions.flatMap(({ type, status }) =>
    conditionStatuses.map((candidate) => ({
      key: 'statusCondition' as const,
      labels: { ...autoscaler, condition: type, status: candidate },
      value: status.toLowerCase() === candidate ? 1 : 0,
    })),
  )
}

/**
 * Returns, for each metric, the number of replicas without a value. Metrics that differ only in their selectors share one series, which
 * contains the largest of their values.
 */
function missingSeries({ decision }: TickRecord, autoscaler: AutoscalerLabels): Series[] {
  const missing = new Map<string, number>()
  for (const { name, reasoning } of decision.metrics) {
    const count = reasoning?.pods?.missing.length
    if (count !== undefined) missing.set(name, Math.max(missing.get(name) ?? 0, count))
  }
  return [...missing].map(([name, value]) => ({ key: 'missingReplicas', labels: { ...autoscaler, metric_name: name }, value }))
}

/** Returns the proposed replica count after each step of the decision. If a step was not reached, the result contains no series for it. */
function proposalSeries({ decision }: TickRecord, autoscaler: AutoscalerLabels): Series[] {
  const stages: Readonly<Record<ProposalStage, number | null>> = {
    recommended: decision.recommendation,
    stabilized: decision.stabilized,
    policy_limited: decision.policyLimited,
    bounded: decision.bounded,
  }
  return Object.entries(stages).flatMap(([stage, value]) =>
    value === null ? [] : [{ key: 'proposedReplicas' as const, labels: { ...autoscaler, stage }, value }],
  )
}

function toleranceSeries({ decision }: TickRecord, autoscaler: AutoscalerLabels): Series[] {
  return decision.metrics.flatMap(({ name, reasoning }) => {
    if (reasoning === null) return []
    const { up, down } = reasoning.tolerance
    const bounds: Readonly<Record<Direction, number>> = { up, down }
    return Object.entries(bounds).map(([direction, value]) => ({
      key: 'tolerance' as const,
      labels: { ...autoscaler, metric_name: name, direction },
      value,
    }))
  })
}

function shadowSeries({ shadow }: TickRecord, autoscaler: AutoscalerLabels): Series[] {
  const wanted = shadow === undefined ? null : replicasAfterDecision(shadow.decision)
  if (shadow === undefined || wanted === null) return []
  return [{ key: 'shadowReplicas', labels: { ...autoscaler, shadow: shadow.hpa.name }, value: wanted }]
}

/** Returns a series whose value is the time of the sync, or undefined if no scaling action succeeded in that sync. */
function rescaleSeries({ hpa, action, decision, time }: TickRecord): Series | undefined {
  if (action?.result !== 'Succeeded') return undefined
  const labels = { ...labelsOf(hpa), from: String(action.from), to: String(action.to), reason: decision.rescaleReason }
  return { key: 'lastRescale', labels, value: Date.parse(time) / 1000 }
}

interface ReadyTime {
  readonly startedAt: number
  /** undefined until the replica is ready for the first time; null if the scaler first saw the replica too late to know that time. */
  readonly seconds: number | null | undefined
  /** When the replica was last part of an observation, in the time of observations. */
  readonly seenAt: number
}

/**
 * The time at which a replica became ready is that of its first readiness if the scaler first saw the replica, or the replica became ready,
 * within this time after the replica's start. Docker keeps only the last few results of a health check, so an older replica may have been
 * ready before, and not ready in between. Real seconds.
 */
const knownFromStartSeconds = 60

/** How long a replica that is absent from the observations is remembered: a busy Docker Engine sometimes reports no replicas. Real seconds. */
const rememberedSeconds = 600

/**
 * Returns the time that each replica took to become ready for the first time. The time to first readiness is still reported if the replica
 * later becomes unready, or is missing in some observations.
 */
function readyTimes(record: TickRecord, before: ReadonlyMap<string, ReadyTime>): ReadonlyMap<string, ReadyTime> {
  const { observation, timeScale } = record
  const { timeSeconds: now } = observation
  const times = new Map([...before].filter(([, { seenAt }]) => (now - seenAt) / timeScale <= rememberedSeconds))
  for (const { name, startTimeSeconds: startedAt, ready } of observation.pods) {
    if (startedAt === null) continue
    const known = before.get(name)
    const isSame = known?.startedAt === startedAt
    const isLate = !isSame && (now - startedAt) / timeScale > knownFromStartSeconds
    const first = ready?.status === 'True' ? Math.max(0, ready.sinceSeconds - startedAt) / timeScale : undefined
    const unsure = isLate && (first ?? Number.POSITIVE_INFINITY) > knownFromStartSeconds
    const seconds = isSame && known.seconds !== undefined ? known.seconds : unsure ? null : first
    times.set(name, { startedAt, seconds, seenAt: now })
  }
  return times
}

function readySeries(times: ReadonlyMap<string, ReadyTime>, { hpa, observation }: TickRecord): Series[] {
  const present = new Set(observation.pods.map(({ name }) => name))
  return [...times].flatMap(([replica, { seconds }]) =>
    seconds == null || !present.has(replica)
      ? []
      : [{ key: 'replicaReady' as const, labels: { ...labelsOf(hpa), replica }, value: seconds }],
  )
}
