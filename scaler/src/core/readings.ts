/** From an observation to the values of one metric, per pod. */
import type { PodValue } from './group-pods.ts'
import { sumInt64 } from './integers.ts'
import type { MetricSpec, Observation, Pod, PodReadings } from './types.ts'
import { seriesKey } from './types.ts'

/** A value, or the words for why there is none. */
export type Result<T> = { readonly value: T } | { readonly error: string }

type PerPodMetric = Extract<MetricSpec, { type: 'Resource' | 'ContainerResource' | 'Pods' }>

/** pod → value, orphans included. A pod without a value is absent; no readings at all are an error. */
export function readPerPod(metric: PerPodMetric, observation: Observation): Result<Map<string, PodValue>> {
  const readings: PodReadings[] = [...observation.pods, ...(observation.orphans ?? [])]
  const failure = observation.failures?.[seriesKey(metric)]
  if (metric.type === 'Pods') return readPodsMetric(metric, readings, failure)
  const values = new Map<string, PodValue>()
  let samples = 0
  for (const { name, sample } of readings) {
    if (sample === null) continue
    samples += 1
    const milli =
      metric.type === 'Resource'
        ? sumOfContainers(Object.values(sample.usageMilli).map((usage) => usage[metric.name]))
        : sample.usageMilli[metric.container]?.[metric.name]
    if (milli === undefined) continue
    values.set(name, { milli: BigInt(milli), timeSeconds: sample.timeSeconds, windowSeconds: sample.windowSeconds })
  }
  if (samples > 0) return { value: values }
  const cause = failure === undefined ? 'no metrics returned from' : 'unable to fetch metrics from'
  return { error: `unable to get metrics for resource ${metric.name}: ${cause} resource metrics API${suffix(failure)}` }
}

function readPodsMetric(
  metric: Extract<MetricSpec, { type: 'Pods' }>,
  readings: readonly PodReadings[],
  failure: string | undefined,
): Result<Map<string, PodValue>> {
  const key = seriesKey(metric)
  const values = new Map<string, PodValue>()
  for (const { name, valuesMilli } of readings) {
    const milli = valuesMilli[key]
    if (milli !== undefined) values.set(name, { milli: BigInt(milli), timeSeconds: 0, windowSeconds: 0 })
  }
  if (values.size > 0) return { value: values }
  const cause = failure === undefined ? 'no metrics returned from' : 'unable to fetch metrics from'
  return { error: `unable to get metric ${metric.metric.name}: ${cause} custom metrics API${suffix(failure)}` }
}

/** The sum, or undefined when a container lacks the resource or there is none. */
function sumOfContainers(amounts: readonly (number | undefined)[]): bigint | undefined {
  const known = amounts.filter((amount) => amount !== undefined)
  if (known.length === 0 || known.length < amounts.length) return undefined
  return sumInt64(known.map(BigInt))
}

/** pod → request, or the first thing that is missing. `container`: of that one only, otherwise the sum of all. */
export function readRequests(pods: readonly Pod[], resource: string, container: string | null): Result<Map<string, bigint>> {
  const requests = new Map<string, bigint>()
  for (const pod of pods) {
    const chosen = container === null ? pod.containers : pod.containers.filter(({ name }) => name === container)
    if (container !== null && chosen.length === 0) return { error: `container ${container} not found in Pod ${pod.name}` }
    const amounts: bigint[] = []
    for (const { name, requestsMilli } of chosen) {
      const request = requestsMilli[resource]
      if (request === undefined) return { error: `missing request for ${resource} in container ${name} of Pod ${pod.name}` }
      amounts.push(BigInt(request))
    }
    requests.set(pod.name, sumInt64(amounts))
  }
  return { value: requests }
}

function suffix(failure: string | undefined): string {
  return failure === undefined ? '' : `: ${failure}`
}
