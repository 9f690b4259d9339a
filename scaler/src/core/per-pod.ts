/** Evaluates Resource, ContainerResource and Pods metrics, which compare an average over all pods with a target. */
import type { MetricCurrent, MetricReasoning, PodGroups } from './decision.ts'
import type { Evaluation, PerPodMetric, ValueOrError } from './evaluation.ts'
import { groupPods } from './group-pods.ts'
import { ceilReplicas, exactAmount, percentInt32, sumInt64 } from './integers.ts'
import { readPerPod, readRequests } from './readings.ts'
import type { Tolerances } from './tolerance.ts'
import { isWithin } from './tolerance.ts'
import type { Observation } from './types.ts'

/** Describes how the metric values of several pods are compared with the target. */
interface Comparison {
  readonly ratioOf: (values: ReadonlyMap<string, bigint>) => ValueOrError<{ ratio: number; current: MetricCurrent }>
  /** Returns the metric value to assume, when scaling down, for a pod without a value. */
  readonly fullValueOf: (pod: string) => bigint
}

/** Returns a metric's proposal and how it was calculated, or an error. */
export function evaluatePerPod(metric: PerPodMetric, evaluation: Evaluation): ValueOrError<MetricReasoning> {
  const { observation, counts, tolerances } = evaluation
  const read = readPerPod(metric, observation)
  if ('error' in read) return read
  if (observation.pods.length === 0) return { error: 'no pods returned by selector while calculating replica count' }

  const cpuTiming = metric.type !== 'Pods' && metric.name === 'cpu' ? evaluation.cpuTiming : null
  const pods = groupPods(observation.pods, read.value, observation.timeSeconds, cpuTiming)
  const values = new Map([...read.value].map(([name, { milli }]) => [name, milli]))
  for (const name of [...pods.ignored, ...pods.unready]) values.delete(name)
  if (values.size === 0) return { error: 'did not receive metrics for targeted pods (pods might be unready)' }

  const comparison = comparisonFor(metric, observation)
  if ('error' in comparison) return comparison
  return propose(values, { pods, comparison: comparison.value, specReplicas: counts.specReplicas, tolerances })
}

interface ProposalArg {
  readonly pods: PodGroups
  readonly comparison: Comparison
  readonly specReplicas: number
  readonly tolerances: Tolerances
}

/**
 * Calculates the number of replicas that a metric proposes, from the metric's values for the ready pods. Adds assumed values for missing
 * and unready pods to `values`.
 */
function propose(values: Map<string, bigint>, { pods, comparison, specReplicas, tolerances }: ProposalArg): ValueOrError<MetricReasoning> {
  const { ratioOf, fullValueOf } = comparison
  const plain = ratioOf(values)
  if ('error' in plain) return plain
  const { ratio, current } = plain.value
  const answer = (
    cautiousRatio: number | null,
    holdReason: MetricReasoning['holdReason'],
    proposal: number,
  ): { value: MetricReasoning } => ({
    value: {
      current,
      ratio,
      cautiousRatio,
      tolerance: { ...tolerances, within: isWithin(tolerances, cautiousRatio ?? ratio) },
      holdReason,
      pods,
      proposal,
    },
  })

  const scaleUpWithUnready = pods.unready.length > 0 && ratio > 1.0
  if (!scaleUpWithUnready && pods.missing.length === 0) {
    if (isWithin(tolerances, ratio)) return answer(null, 'WithinTolerance', specReplicas)
    return answer(null, null, ceilReplicas(ratio * pods.readyCount))
  }

  // The assumed values dampen the change: a pod without a value counts as fully loaded when scaling down, and as idle when scaling up.
  for (const name of pods.missing) {
    if (ratio < 1.0) values.set(name, fullValueOf(name))
    else if (ratio > 1.0) values.set(name, 0n)
  }
  if (scaleUpWithUnready) for (const name of pods.unready) values.set(name, 0n)
  const cautious = ratioOf(values)
  if ('error' in cautious) return cautious
  const cautiousRatio = cautious.value.ratio
  if (isWithin(tolerances, cautiousRatio)) return answer(cautiousRatio, 'WithinTolerance', specReplicas)
  if ((ratio < 1.0 && cautiousRatio > 1.0) || (ratio > 1.0 && cautiousRatio < 1.0)) {
    return answer(cautiousRatio, 'DirectionWouldFlip', specReplicas)
  }
  const proposal = ceilReplicas(cautiousRatio * values.size)
  if ((cautiousRatio < 1.0 && proposal > specReplicas) || (cautiousRatio > 1.0 && proposal < specReplicas)) {
    return answer(cautiousRatio, 'DirectionWouldFlip', specReplicas)
  }
  return answer(cautiousRatio, null, proposal)
}

/** Returns a comparison with the averageValue target if it is set, and with the averageUtilization target otherwise. */
function comparisonFor(metric: PerPodMetric, observation: Observation): ValueOrError<Comparison> {
  const { averageValueMilli, averageUtilization } = metric.target
  if (averageValueMilli !== undefined) return { value: averageComparison(averageValueMilli) }
  if (metric.type === 'Pods' || averageUtilization === undefined) {
    return { error: 'invalid metric source: neither a utilization target nor a value target was set' }
  }
  const requests = readRequests(observation.pods, metric.name, metric.type === 'ContainerResource' ? metric.container : null)
  if ('error' in requests) return requests
  return { value: utilizationComparison(requests.value, averageUtilization) }
}

/** Compares the average value with the averageValue target. The average includes the values of pods that are no longer in the pod list. */
function averageComparison(targetMilli: number): Comparison {
  return {
    ratioOf: (values) => {
      const averageMilli = sumInt64(values.values()) / BigInt(values.size)
      const current = { averageValueMilli: Number(averageMilli), ...exactAmount(averageMilli) }
      return { value: { ratio: Number(averageMilli) / targetMilli, current } }
    },
    fullValueOf: () => BigInt(targetMilli),
  }
}

/**
 * Compares the utilization with a target percentage. Pods that are no longer in the pod list are excluded, because their resource requests
 * are unknown.
 */
function utilizationComparison(requests: ReadonlyMap<string, bigint>, targetPercent: number): Comparison {
  const requestOf = (pod: string): bigint => requests.get(pod) ?? 0n
  return {
    ratioOf: (values) => {
      const counted = [...values].filter(([pod]) => requests.has(pod))
      const used = sumInt64(counted.map(([, milli]) => milli))
      const requested = sumInt64(counted.map(([pod]) => requestOf(pod)))
      if (requested === 0n) return { error: 'no metrics returned matched known pods' }
      const averageUtilization = percentInt32(used, requested)
      const averageMilli = used / BigInt(counted.length)
      const current = { averageUtilization, averageValueMilli: Number(averageMilli), ...exactAmount(averageMilli) }
      return { value: { ratio: averageUtilization / targetPercent, current } }
    },
    fullValueOf: (pod) => (requestOf(pod) * BigInt(Math.max(100, targetPercent))) / 100n,
  }
}
