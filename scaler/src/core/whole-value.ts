/** Object and External metrics: one number for the whole workload against a target. */
import type { MetricReasoning } from './decision.ts'
import { ceilReplicas, saturatingSumInt64 } from './integers.ts'
import type { Result } from './readings.ts'
import type { Tolerances } from './tolerance.ts'
import { isWithin } from './tolerance.ts'
import type { MetricSpec, Observation, Pod } from './types.ts'
import { seriesKey } from './types.ts'

type WholeMetric = Extract<MetricSpec, { type: 'Object' | 'External' }>
type Counts = { readonly specReplicas: number; readonly statusReplicas: number }

/** True when the metric is shared out over the replicas: an Object metric follows its type, an External one the number given. */
export function isAverage({ type, target }: WholeMetric): boolean {
  return type === 'Object' ? target.type === 'AverageValue' : target.averageValueMilli !== undefined
}

/** What the metric proposes, or why it cannot. */
export function evaluateWholeValue(
  metric: WholeMetric,
  observation: Observation,
  counts: Counts,
  tolerances: Tolerances,
  namespace: string,
): Result<MetricReasoning> {
  const targetMilli = targetOf(metric)
  if (targetMilli === undefined) {
    return { error: `invalid ${metric.type.toLowerCase()} metric source: neither a value target nor an average value target was set` }
  }
  const usage = readWholeValue(metric, observation, namespace)
  if ('error' in usage) return usage
  if (isAverage(metric)) return { value: perReplica(Number(usage.value), targetMilli, counts.statusReplicas, tolerances) }
  return proportional(Number(usage.value), targetMilli, observation.pods, counts.specReplicas, tolerances)
}

/** The number that counts, or undefined: an Object metric with another type of target has none, whatever is set. */
function targetOf(metric: WholeMetric): number | undefined {
  if (isAverage(metric)) return metric.target.averageValueMilli
  return metric.type === 'External' || metric.target.type === 'Value' ? metric.target.valueMilli : undefined
}

function readWholeValue(metric: WholeMetric, observation: Observation, namespace: string): Result<bigint> {
  const key = seriesKey(metric)
  const cause = observation.failures?.[key] ?? 'the metric is not available'
  if (metric.type === 'Object') {
    const milli = observation.objectValuesMilli[key]
    if (milli !== undefined) return { value: BigInt(milli) }
    const { kind, name } = metric.describedObject
    // Kubernetes' own order of words.
    const where = `${kind} on ${namespace} ${name}/unable to fetch metrics from custom metrics API: ${cause}`
    return { error: `unable to get metric ${metric.metric.name}: ${where}` }
  }
  const series = observation.externalValuesMilli[key] ?? []
  if (series.length > 0) return { value: saturatingSumInt64(series.map(BigInt)) }
  const where = `${namespace}/${metric.metric.name}/${selectorText(metric)}`
  return { error: `unable to get external metric ${where}: unable to fetch metrics from external metrics API: ${cause}` }
}

/** target.value: the count grows with the ratio. From zero there is no tolerance, as nothing is running. */
function proportional(
  usage: number,
  target: number,
  pods: readonly Pod[],
  specReplicas: number,
  tolerances: Tolerances,
): Result<MetricReasoning> {
  const ratio = usage / target
  const within = specReplicas !== 0 && isWithin(tolerances, ratio)
  const reasoning = { current: { valueMilli: usage }, ratio, cautiousRatio: null, tolerance: { ...tolerances, within }, pods: null }
  if (specReplicas === 0) return { value: { ...reasoning, kept: null, proposal: ceilReplicas(ratio) } }
  if (within) return { value: { ...reasoning, kept: 'WithinTolerance', proposal: specReplicas } }
  if (pods.length === 0) {
    return { error: 'unable to calculate ready pods: no pods returned by selector while calculating replica count' }
  }
  const readyCount = pods.filter((pod) => pod.phase === 'Running' && pod.ready?.status === 'True').length
  return { value: { ...reasoning, kept: null, proposal: ceilReplicas(ratio * readyCount) } }
}

/** target.averageValue: each replica carries the target's amount. */
function perReplica(usage: number, target: number, statusReplicas: number, tolerances: Tolerances): MetricReasoning {
  const ratio = usage / (target * statusReplicas)
  const within = isWithin(tolerances, ratio)
  return {
    current: statusReplicas === 0 ? {} : { averageValueMilli: Math.ceil(usage / statusReplicas) + 0 },
    ratio,
    cautiousRatio: null,
    tolerance: { ...tolerances, within },
    kept: within ? 'WithinTolerance' : null,
    pods: null,
    // Kubernetes compares with the observed count here, not with the wanted one.
    proposal: within ? statusReplicas : ceilReplicas(usage / target),
  }
}

/** A metric selector as Kubernetes prints it in descriptions and messages. */
export function selectorText({ metric: { selector } }: WholeMetric): string {
  if (selector === undefined) return 'nil'
  const labels = Object.entries(selector.matchLabels ?? {}).sort(([a], [b]) => (a < b ? -1 : 1))
  const labelText = labels.map(([key, value]) => `${key}: ${value},`).join('')
  const expressions = (selector.matchExpressions ?? []).map(
    ({ key, operator, values = [] }) => `LabelSelectorRequirement{Key:${key},Operator:${operator},Values:[${values.join(' ')}],},`,
  )
  return `&LabelSelector{MatchLabels:map[string]string{${labelText}},MatchExpressions:[]LabelSelectorRequirement{${expressions.join('')}},}`
}
