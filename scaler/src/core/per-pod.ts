/** Resource, ContainerResource and Pods metrics: an average over the pods against a target. */
import type { MetricCurrent, MetricReasoning, PodGroups } from './decision.ts'
import type { CpuTiming } from './group-pods.ts'
import { groupPods } from './group-pods.ts'
import { ceilReplicas, percentInt32, sumInt64 } from './integers.ts'
import type { Result } from './readings.ts'
import { readPerPod, readRequests } from './readings.ts'
import type { Tolerances } from './tolerance.ts'
import { isWithin } from './tolerance.ts'
import type { MetricSpec, Observation } from './types.ts'

type PerPodMetric = Extract<MetricSpec, { type: 'Resource' | 'ContainerResource' | 'Pods' }>

/** How a set of values is compared with the target, and what a missing pod is taken for when scaling down. */
interface Comparison {
  readonly ratioOf: (values: ReadonlyMap<string, bigint>) => Result<{ ratio: number; current: MetricCurrent }>
  readonly fullValueOf: (pod: string) => bigint
}

/** What the metric proposes at `specReplicas`, or why it cannot. */
export function evaluatePerPod(
  metric: PerPodMetric,
  observation: Observation,
  specReplicas: number,
  tolerances: Tolerances,
  timing: CpuTiming,
): Result<MetricReasoning> {
  const read = readPerPod(metric, observation)
  if ('error' in read) return read
  if (observation.pods.length === 0) return { error: 'no pods returned by selector while calculating replica count' }

  const cpuTiming = metric.type !== 'Pods' && metric.name === 'cpu' ? timing : null
  const pods = groupPods(observation.pods, read.value, observation.timeSeconds, cpuTiming)
  const values = new Map([...read.value].map(([name, { milli }]) => [name, milli]))
  for (const name of [...pods.ignored, ...pods.unready]) values.delete(name)
  if (values.size === 0) return { error: 'did not receive metrics for targeted pods (pods might be unready)' }

  const comparison = comparisonFor(metric, observation)
  if ('error' in comparison) return comparison
  return propose(values, pods, comparison.value, specReplicas, tolerances)
}

/** From the values that count to a number of replicas. Changes `values`. */
function propose(
  values: Map<string, bigint>,
  pods: PodGroups,
  { ratioOf, fullValueOf }: Comparison,
  specReplicas: number,
  tolerances: Tolerances,
): Result<MetricReasoning> {
  const plain = ratioOf(values)
  if ('error' in plain) return plain
  const { ratio, current } = plain.value
  const answer = (cautiousRatio: number | null, kept: MetricReasoning['kept'], proposal: number): { value: MetricReasoning } => ({
    value: {
      current,
      ratio,
      cautiousRatio,
      tolerance: { ...tolerances, within: isWithin(tolerances, cautiousRatio ?? ratio) },
      kept,
      pods,
      proposal,
    },
  })

  const liftsUnready = pods.unready.length > 0 && ratio > 1.0
  if (!liftsUnready && pods.missing.length === 0) {
    if (isWithin(tolerances, ratio)) return answer(null, 'WithinTolerance', specReplicas)
    return answer(null, null, ceilReplicas(ratio * pods.readyCount))
  }

  // Guess against the change: a missing pod is full when scaling down and idle when scaling up.
  for (const name of pods.missing) {
    if (ratio < 1.0) values.set(name, fullValueOf(name))
    else if (ratio > 1.0) values.set(name, 0n)
  }
  if (liftsUnready) for (const name of pods.unready) values.set(name, 0n)
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

/** averageValue, where there is one, goes before averageUtilization. */
function comparisonFor(metric: PerPodMetric, observation: Observation): Result<Comparison> {
  const { averageValueMilli, averageUtilization } = metric.target
  if (averageValueMilli !== undefined) return { value: averageComparison(averageValueMilli) }
  if (metric.type === 'Pods' || averageUtilization === undefined) {
    return { error: 'invalid metric source: neither a utilization target nor a value target was set' }
  }
  const requests = readRequests(observation.pods, metric.name, metric.type === 'ContainerResource' ? metric.container : null)
  if ('error' in requests) return requests
  return { value: utilizationComparison(requests.value, averageUtilization) }
}

/** Values of pods that are not listed any more count. */
function averageComparison(targetMilli: number): Comparison {
  return {
    ratioOf: (values) => {
      const averageMilli = sumInt64(values.values()) / BigInt(values.size)
      return { value: { ratio: Number(averageMilli) / targetMilli, current: { averageValueMilli: Number(averageMilli) } } }
    },
    fullValueOf: () => BigInt(targetMilli),
  }
}

/** Values of pods without a request here, those not listed any more, do not count. */
function utilizationComparison(requests: ReadonlyMap<string, bigint>, targetPercent: number): Comparison {
  const requestOf = (pod: string): bigint => requests.get(pod) ?? 0n
  return {
    ratioOf: (values) => {
      const counted = [...values].filter(([pod]) => requests.has(pod))
      const used = sumInt64(counted.map(([, milli]) => milli))
      const requested = sumInt64(counted.map(([pod]) => requestOf(pod)))
      if (requested === 0n) return { error: 'no metrics returned matched known pods' }
      const averageUtilization = percentInt32(used, requested)
      const averageValueMilli = Number(used / BigInt(counted.length))
      return { value: { ratio: averageUtilization / targetPercent, current: { averageUtilization, averageValueMilli } } }
    },
    fullValueOf: (pod) => (requestOf(pod) * BigInt(Math.max(100, targetPercent))) / 100n,
  }
}
