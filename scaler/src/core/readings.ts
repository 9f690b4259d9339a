/** Extracts a metric's per-pod values from an observation. */
import type { PerPodMetric, ValueOrError } from './evaluation.ts'
import type { PodValue } from './group-pods.ts'
import { sumInt64 } from './integers.ts'
import type { MetricSpec, Observation, Pod, PodReadings } from './types.ts'
import { seriesKey } from './types.ts'

/**
 * Returns the metric values, keyed by pod name, including those of pods that are no longer in the pod list. Pods without a value are
 * omitted. Returns an error if no pod has a resource sample or, for a Pods metric, a value.
 */
export function readPerPod(metric: PerPodMetric, observation: Observation): ValueOrError<Map<string, PodValue>> {
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
): ValueOrError<Map<string, PodValue>> {
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

/** Returns the sum of the containers' resource usage, or undefined if the list is empty or a container has no value. */
function sumOfContainers(amounts: readonly (number | undefined)[]): bigint | undefined {
  const known = amounts.filter((amount) => amount !== undefined)
  if (known.length === 0 || known.length < amounts.length) return undefined
  return sumInt64(known.map(BigInt))
}

/**
 * Returns each pod's request for a resource, keyed by pod name, or an error that names the first missing container or request.
 * @param container name of the container; null for the sum over all of the pod's containers
 */
export function readRequests(pods: readonly Pod[], resource: string, container: string | null): ValueOrError<Map<string, bigint>> {
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
