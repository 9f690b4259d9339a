/** Evaluates Object and External metrics, which compare one number for the whole workload with a target. */
import type { MetricCurrent, MetricReasoning } from './decision.ts'
import type { Evaluation, ValueOrError, WholeMetric } from './evaluation.ts'
import { ceilReplicas, exactAmount, maxInt64, saturatingSumInt64, sumOrLargestInt64 } from './integers.ts'
import { isWithin } from './tolerance.ts'
import { seriesKey } from './types.ts'

/**
 * Whether the target is an average over the replicas. An Object metric's target is an average if its type is AverageValue; an External
 * metric's target is an average if averageValue is set.
 */
export function isAverage({ type, target }: WholeMetric): boolean {
  return type === 'Object' ? target.type === 'AverageValue' : target.averageValueMilli !== undefined
}

/** Returns a metric's proposal and how it was calculated, or an error. */
export function evaluateWholeValue(metric: WholeMetric, evaluation: Evaluation): ValueOrError<MetricReasoning> {
  const targetMilli = targetOf(metric)
  if (targetMilli === undefined) {
    return { error: `invalid ${metric.type.toLowerCase()} metric source: neither a value target nor an average value target was set` }
  }
  const usage = readWholeValue(metric, evaluation)
  if ('error' in usage) return usage
  const amounts = { usage: usage.value, usageMilli: Number(usage.value), targetMilli }
  return isAverage(metric) ? { value: averageProposal(amounts, evaluation) } : ratioProposal(amounts, evaluation)
}

/** Returns the target value, or undefined for an Object metric with an unsupported target type. */
function targetOf(metric: WholeMetric): number | undefined {
  if (isAverage(metric)) return metric.target.averageValueMilli
  return metric.type === 'External' || metric.target.type === 'Value' ? metric.target.valueMilli : undefined
}

function readWholeValue(metric: WholeMetric, { observation, namespace }: Evaluation): ValueOrError<bigint> {
  const key = seriesKey(metric)
  const cause = observation.failures?.[key] ?? 'the metric is not available'
  if (metric.type === 'Object') {
    const milli = observation.objectValuesMilli[key]
    if (milli !== undefined) return { value: BigInt(milli) }
    const { kind, name } = metric.describedObject
    // The word order of this error message is the same as in Kubernetes.
    const where = `${kind} on ${namespace} ${name}/unable to fetch metrics from custom metrics API: ${cause}`
    return { error: `unable to get metric ${metric.metric.name}: ${where}` }
  }
  const series = observation.externalValuesMilli[key]
  if (series && series.length > 0) return { value: (isAverage(metric) ? sumOrLargestInt64 : saturatingSumInt64)(series.map(BigInt)) }
  const where = `${namespace}/${metric.metric.name}/${selectorText(metric)}`
  const why =
    series === undefined ? `unable to fetch metrics from external metrics API: ${cause}` : 'no metrics returned from external metrics API'
  return { error: `unable to get external metric ${where}: ${why}` }
}

interface Amounts {
  /** The exact amount, in thousandths. */
  readonly usage: bigint
  /** The amount as a double, with which Kubernetes calculates ratios. */
  readonly usageMilli: number
  readonly targetMilli: number
}

/**
 * Evaluates target.value: the proposed number of replicas is proportional to the ratio. If there are zero replicas, the tolerance does not
 * apply.
 */
function ratioProposal({ usage, usageMilli, targetMilli }: Amounts, evaluation: Evaluation): ValueOrError<MetricReasoning> {
  const { counts, tolerances, observation } = evaluation
  const { specReplicas } = counts
  const { pods } = observation
  const ratio = usageMilli / targetMilli
  const within = specReplicas !== 0 && isWithin(tolerances, ratio)
  const current = { valueMilli: usageMilli, ...exactAmount(usage) }
  const reasoning = { current, ratio, cautiousRatio: null, tolerance: { ...tolerances, within }, pods: null }
  if (specReplicas === 0) return { value: { ...reasoning, holdReason: null, proposal: ceilReplicas(ratio) } }
  if (within) return { value: { ...reasoning, holdReason: 'WithinTolerance', proposal: specReplicas } }
  if (pods.length === 0) {
    return { error: 'unable to calculate ready pods: no pods returned by selector while calculating replica count' }
  }
  const readyCount = pods.filter((pod) => pod.phase === 'Running' && pod.ready?.status === 'True').length
  return { value: { ...reasoning, holdReason: null, proposal: ceilReplicas(ratio * readyCount) } }
}

/** Evaluates target.averageValue: returns the number of replicas at which the average per replica does not exceed the target. */
function averageProposal({ usage, usageMilli, targetMilli }: Amounts, { counts, tolerances }: Evaluation): MetricReasoning {
  const { statusReplicas } = counts
  const ratio = usageMilli / (targetMilli * statusReplicas)
  const within = isWithin(tolerances, ratio)
  // As in Kubernetes, a usage value that has overflowed an int64 is not divided by the number of replicas.
  const average = () => (usage >= maxInt64 ? usage : BigInt(Math.ceil(usageMilli / statusReplicas)))
  return {
    current: statusReplicas === 0 ? {} : averageCurrent(average()),
    ratio,
    cautiousRatio: null,
    tolerance: { ...tolerances, within },
    holdReason: within ? 'WithinTolerance' : null,
    pods: null,
    // For averageValue targets, Kubernetes uses status.replicas instead of spec.replicas as the current count.
    proposal: within ? statusReplicas : ceilReplicas(usageMilli / targetMilli),
  }
}

function averageCurrent(milli: bigint): MetricCurrent {
  return { averageValueMilli: Number(milli), ...exactAmount(milli) }
}

/** Returns a metric selector in the format that Kubernetes uses in descriptions and messages. */
export function selectorText({ metric: { selector } }: WholeMetric): string {
  if (selector === undefined) return 'nil'
  const labels = Object.entries(selector.matchLabels ?? {}).sort(([a], [b]) => (a < b ? -1 : 1))
  const labelText = labels.map(([key, value]) => `${key}: ${value},`).join('')
  const expressions = (selector.matchExpressions ?? []).map(
    ({ key, operator, values = [] }) => `LabelSelectorRequirement{Key:${key},Operator:${operator},Values:[${values.join(' ')}],},`,
  )
  return `&LabelSelector{MatchLabels:map[string]string{${labelText}},MatchExpressions:[]LabelSelectorRequirement{${expressions.join('')}},}`
}
