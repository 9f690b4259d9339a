/**
 * Extracts the load from a recording: the sum of each metric over all pods at each sync. A replay of different settings distributes the
 * recorded sums over the replicas that would have existed with those settings.
 */
import type { ControllerOptions, MetricSpec, Observation, Pod, PodReadings, ResourceAmounts } from '../core/types.ts'
import { seriesKey } from '../core/types.ts'

/** The input to a decision, which every record in the decision log contains. */
export interface SyncInput {
  readonly observation: Observation
  readonly options: ControllerOptions
}

export interface LoadTick extends SyncInput {
  readonly timeSeconds: number
  /** Sums of Pods metrics over the pods with a value, keyed by seriesKey. A metric without a value for any pod has no entry. */
  readonly podsMilli: Readonly<Record<string, number>>
  /** Sums of resource usage over the pods with a sample, keyed by container and resource. */
  readonly usageMilli: Readonly<Record<string, ResourceAmounts>>
  /** Averaging window of the resource samples, in seconds. */
  readonly windowSeconds: number
}

export interface RecordedLoad {
  readonly ticks: readonly LoadTick[]
  /** Containers and resource requests of the first recorded replica. */
  readonly containers: Pod['containers']
  /** Median time to readiness, in seconds, of the replicas that started during the recording; 0 if none started. */
  readonly startDelaySeconds: number
}

/** Returns the load at each sync, in chronological order. */
export function loadOf(inputs: readonly SyncInput[]): RecordedLoad {
  const pods = inputs.flatMap(({ observation }) => observation.pods)
  return {
    ticks: inputs.map(tickOf),
    containers: pods.find(({ containers }) => containers.length > 0)?.containers ?? [],
    startDelaySeconds: startDelayOf(pods, inputs[0]?.observation.timeSeconds ?? 0),
  }
}

function tickOf({ observation, options }: SyncInput): LoadTick {
  const { timeSeconds, pods, orphans = [] } = observation
  const readings: readonly PodReadings[] = [...pods, ...orphans]
  const podsMilli: Record<string, number> = {}
  const usageMilli: Record<string, Record<string, number>> = {}
  let windowSeconds = 0
  for (const { valuesMilli, sample } of readings) {
    addTo(podsMilli, valuesMilli)
    if (sample === null) continue
    windowSeconds = Math.max(windowSeconds, sample.windowSeconds)
    for (const [container, amounts] of Object.entries(sample.usageMilli)) {
      usageMilli[container] ??= {}
      addTo(usageMilli[container], amounts)
    }
  }
  return { observation, options, timeSeconds, podsMilli, usageMilli, windowSeconds }
}

function addTo(sums: Record<string, number>, amounts: Readonly<Record<string, number>>): void {
  for (const [key, milli] of Object.entries(amounts)) sums[key] = (sums[key] ?? 0) + milli
}

function startDelayOf(pods: readonly Pod[], sinceSeconds: number): number {
  const delays = new Map<string, number>()
  for (const { name, startTimeSeconds, ready } of pods) {
    if (startTimeSeconds === null || startTimeSeconds < sinceSeconds || ready?.status !== 'True') continue
    const key = `${name} ${startTimeSeconds}`
    // Only the first time that a replica becomes ready counts, because it can become unready and then ready again.
    if (!delays.has(key)) delays.set(key, Math.max(0, ready.sinceSeconds - startTimeSeconds))
  }
  const sorted = [...delays.values()].sort((a, b) => a - b)
  return sorted[Math.floor(sorted.length / 2)] ?? 0
}

/**
 * Returns the smallest number of replicas with which the load meets all targets, at least 1. The metric that requires the most replicas
 * determines the result. Returns null if no metric has a recorded value that can be distributed over the replicas.
 */
export function neededReplicas(metrics: readonly MetricSpec[], tick: LoadTick, containers: Pod['containers']): number | null {
  const needs = metrics.flatMap((metric) => neededBy(metric, tick, containers) ?? [])
  return needs.length === 0 ? null : Math.max(1, ...needs)
}

function neededBy(metric: MetricSpec, tick: LoadTick, containers: Pod['containers']): number | null {
  const total = totalOf(metric, tick)
  const perReplica = metric.target.averageValueMilli ?? requestedTarget(metric, containers)
  if (total === null || perReplica === null || perReplica <= 0) return null
  return Math.ceil(total / perReplica)
}

/** Returns the sum of a metric to distribute over the replicas, in thousandths, or null if the sum was not recorded. */
function totalOf(metric: MetricSpec, { observation, podsMilli, usageMilli }: LoadTick): number | null {
  const key = seriesKey(metric)
  switch (metric.type) {
    case 'Pods':
      return podsMilli[key] ?? null
    case 'Object':
      return observation.objectValuesMilli[key] ?? null
    case 'External': {
      const series = observation.externalValuesMilli[key] ?? []
      return series.length === 0 ? null : series.reduce((sum, milli) => sum + milli, 0)
    }
    default: {
      const chosen = metric.type === 'Resource' ? Object.values(usageMilli) : [usageMilli[metric.container] ?? {}]
      const amounts = chosen.flatMap((usage) => usage[metric.name] ?? [])
      return amounts.length === 0 ? null : amounts.reduce((sum, milli) => sum + milli, 0)
    }
  }
}

/** Returns the resource amount that corresponds to a utilization target, in thousandths of the resource's unit. */
function requestedTarget(metric: MetricSpec, containers: Pod['containers']): number | null {
  const { averageUtilization } = metric.target
  if (averageUtilization === undefined || (metric.type !== 'Resource' && metric.type !== 'ContainerResource')) return null
  const chosen = metric.type === 'Resource' ? containers : containers.filter(({ name }) => name === metric.container)
  const request = chosen.reduce((sum, { requestsMilli }) => sum + (requestsMilli[metric.name] ?? 0), 0)
  return (request * averageUtilization) / 100
}

/** Returns the names of the metrics that the settings use but the recording lacks. */
export function missingMetrics(metrics: readonly MetricSpec[], { ticks }: RecordedLoad): string[] {
  return metrics.filter((metric) => ticks.every((tick) => totalOf(metric, tick) === null)).map(seriesKey)
}

/** Returns the names of all recorded metrics, in the same format as the result of missingMetrics(). */
export function recordedMetrics({ ticks }: RecordedLoad): string[] {
  const keys = ticks.flatMap(({ observation, podsMilli, usageMilli }) => [
    ...Object.keys(podsMilli),
    ...Object.values(usageMilli).flatMap((usage) => Object.keys(usage).map((name) => `resource/${name}`)),
    ...Object.keys(observation.objectValuesMilli),
    ...Object.keys(observation.externalValuesMilli),
  ])
  return [...new Set(keys)].sort()
}
