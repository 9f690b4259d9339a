/**
 * The load of a recording, apart from the replicas that carried it: per synchronisation the sum over all pods of each
 * metric. What other settings would have done is asked of these sums, spread over the replicas they would have had.
 */
import type { ControllerOptions, MetricSpec, Observation, Pod, PodReadings, ResourceAmounts } from '../core/types.ts'
import { seriesKey } from '../core/types.ts'

/** What one synchronisation saw, or would have seen; a record of the decision log is one. */
export interface Seen {
  readonly observation: Observation
  readonly options: ControllerOptions
}

export interface LoadTick extends Seen {
  readonly timeSeconds: number
  /** seriesKey of a Pods metric → sum over the pods that had a value. Absent: nobody had one. */
  readonly podsMilli: Readonly<Record<string, number>>
  /** container → resource → sum over the pods that had a sample. */
  readonly usageMilli: Readonly<Record<string, ResourceAmounts>>
  /** Of the resource samples. */
  readonly windowSeconds: number
}

export interface RecordedLoad {
  readonly ticks: readonly LoadTick[]
  /** Containers and requests of a replica: those of the first one recorded. */
  readonly containers: Pod['containers']
  /** From its start until a replica was ready: the median of those that started during the recording, 0 when none did. */
  readonly startDelaySeconds: number
}

/** Takes synchronisations in the order of time. */
export function loadOf(seen: readonly Seen[]): RecordedLoad {
  const pods = seen.flatMap(({ observation }) => observation.pods)
  return {
    ticks: seen.map(tickOf),
    containers: pods.find(({ containers }) => containers.length > 0)?.containers ?? [],
    startDelaySeconds: startDelayOf(pods, seen[0]?.observation.timeSeconds ?? 0),
  }
}

function tickOf({ observation, options }: Seen): LoadTick {
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
    // The first time counts: later it may have lost its readiness and got it back.
    if (!delays.has(key)) delays.set(key, Math.max(0, ready.sinceSeconds - startTimeSeconds))
  }
  const sorted = [...delays.values()].sort((a, b) => a - b)
  return sorted[Math.floor(sorted.length / 2)] ?? 0
}

/**
 * How many replicas the load would fill exactly to the targets, at least 1; the metric that needs the most counts.
 * null when no metric says: nothing was read, or none is shared out over replicas.
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

/** The sum that is shared out over the replicas, in thousandths; null when there is none. */
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

/** What a share of the request comes to, in thousandths. */
function requestedTarget(metric: MetricSpec, containers: Pod['containers']): number | null {
  const { averageUtilization } = metric.target
  if (averageUtilization === undefined || (metric.type !== 'Resource' && metric.type !== 'ContainerResource')) return null
  const chosen = metric.type === 'Resource' ? containers : containers.filter(({ name }) => name === metric.container)
  const request = chosen.reduce((sum, { requestsMilli }) => sum + (requestsMilli[metric.name] ?? 0), 0)
  return (request * averageUtilization) / 100
}

/** Names of metrics that the settings ask for and the recording does not have, with what it has. */
export function missingMetrics(metrics: readonly MetricSpec[], { ticks }: RecordedLoad): string[] {
  return metrics.filter((metric) => ticks.every((tick) => totalOf(metric, tick) === null)).map(seriesKey)
}

/** Every metric of the recording, as the keys of missingMetrics. */
export function recordedMetrics({ ticks }: RecordedLoad): string[] {
  const keys = ticks.flatMap(({ observation, podsMilli, usageMilli }) => [
    ...Object.keys(podsMilli),
    ...Object.values(usageMilli).flatMap((usage) => Object.keys(usage).map((name) => `resource/${name}`)),
    ...Object.keys(observation.objectValuesMilli),
    ...Object.keys(observation.externalValuesMilli),
  ])
  return [...new Set(keys)].sort()
}
