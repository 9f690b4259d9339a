/** Converts the load curves of an expectation file to a load that can be replayed. Pure. */
import { failure, type Result, success } from '@lab/contract/result.ts'
import { type ControllerOptions, type HorizontalPodAutoscaler, type MetricSpec, seriesKey } from '@lab/scaler/core/types.ts'
import type { LoadTick, RecordedLoad } from '@lab/scaler/replay/load.ts'
import type { Curve, Expectations } from './expectations.ts'

/** Greatest number of decisions in a test: three days with a decision every 15 s. */
const mostTicks = 17_280

/** Time that a new replica needs until it is ready, if the file does not state it. */
const startSeconds = 10
/** The averaging window of CPU samples, as in metrics-server. */
const sampleWindowSeconds = 30

/** A load, and the autoscaler with only those metrics that the load contains. */
export interface Played {
  readonly hpa: HorizontalPodAutoscaler
  readonly load: RecordedLoad
  /** The names of the autoscaler's metrics for which the load has no values. */
  readonly omitted: readonly string[]
}

/** Returns the load of an expectation file, or why the autoscaler cannot be tested with it. @param file name of the expectation file */
export function loadOfCurves(
  expectations: Expectations,
  hpa: HorizontalPodAutoscaler,
  options: ControllerOptions,
  file: string,
): Result<Played> {
  const { load, workload } = expectations
  if (load === undefined) return failure(`${file}: load: must be set, unless the load is read with --from`)
  const { curves, delay = 0 } = load
  const names = hpa.metrics.map(nameOf)
  const unknown = Object.keys(curves).filter((name) => !names.includes(name))
  if (unknown.length > 0) return failure(`${file}: load.curves.${unknown[0]}: the HPA has no such metric; allowed are ${names.join(', ')}`)
  const metrics = hpa.metrics.filter((metric) => curves[nameOf(metric)] !== undefined)
  if (metrics.length === 0)
    return failure(`${file}: load.curves: must have a curve for a metric of the HPA; allowed are ${names.join(', ')}`)
  const containers = containersOf(metrics, workload?.requests ?? {})
  const without = metrics.find(
    (metric) => metric.target.averageUtilization !== undefined && workload?.requests?.[nameOf(metric)] === undefined,
  )
  if (without !== undefined) {
    const name = nameOf(without)
    return failure(`${file}: workload.requests.${name}: must be set, because the target is a percentage of the request, for example 250m`)
  }
  const length = lengthOf(expectations)
  const ticks = Math.ceil(length / options.syncPeriodSeconds) + 1
  if (ticks > mostTicks) return failure(`${file}: load.length: ${length} s are ${ticks} decisions; allowed are ${mostTicks}`)
  const specReplicas = workload?.replicas ?? Math.max(1, hpa.minReplicas)
  const tickAt = (timeSeconds: number): LoadTick => {
    const milliOf = (metric: MetricSpec) => valueAt(curves[nameOf(metric)] ?? [], timeSeconds - delay)
    const of = (type: MetricSpec['type']) => metrics.filter((metric) => metric.type === type)
    return {
      timeSeconds,
      options,
      observation: {
        timeSeconds,
        scale: { specReplicas, statusReplicas: specReplicas },
        pods: [],
        objectValuesMilli: Object.fromEntries(of('Object').map((metric) => [seriesKey(metric), milliOf(metric)])),
        externalValuesMilli: Object.fromEntries(of('External').map((metric) => [seriesKey(metric), [milliOf(metric)]])),
      },
      podsMilli: Object.fromEntries(of('Pods').map((metric) => [seriesKey(metric), milliOf(metric)])),
      usageMilli: usageOf(metrics, milliOf),
      windowSeconds: sampleWindowSeconds,
    }
  }
  return success({
    hpa: { ...hpa, metrics },
    load: {
      ticks: Array.from({ length: ticks }, (_, i) => tickAt(i * options.syncPeriodSeconds)),
      containers,
      startDelaySeconds: workload?.start ?? startSeconds,
    },
    omitted: names.filter((name) => curves[name] === undefined),
  })
}

/** Returns the name under which an expectation file refers to a metric. */
export function nameOf(metric: MetricSpec): string {
  return metric.type === 'Resource' || metric.type === 'ContainerResource' ? metric.name : metric.metric.name
}

/** Returns the length of the test: the given one, or the time of the last point or expectation. */
function lengthOf({ load, expect }: Expectations): number {
  const points = Object.values(load?.curves ?? {}).flatMap((curve) => curve.map(({ at }) => at))
  const ends = expect.map(({ after = 0, within = 0, until = 0 }) => Math.max(after + within, until))
  return load?.length ?? Math.max(0, ...points, ...ends)
}

/** Returns the value of a curve, with straight lines between its points. Before the first point and after the last one, it is constant. */
function valueAt(curve: Curve, timeSeconds: number): number {
  const next = curve.findIndex(({ at }) => at > timeSeconds)
  const after = curve[next] ?? curve.at(-1)
  const before = curve[next - 1]
  if (after === undefined) return 0
  if (next <= 0 || before === undefined) return after.value
  return Math.round(before.value + ((after.value - before.value) * (timeSeconds - before.at)) / (after.at - before.at))
}

const mainContainer = 'main'

function containerOf(metric: MetricSpec): string {
  return metric.type === 'ContainerResource' ? metric.container : mainContainer
}

function containersOf(metrics: readonly MetricSpec[], requestsMilli: Readonly<Record<string, number>>): RecordedLoad['containers'] {
  const names = metrics.flatMap((metric) =>
    metric.type === 'Resource' || metric.type === 'ContainerResource' ? [containerOf(metric)] : [],
  )
  return [...new Set(names)].map((name) => ({ name, requestsMilli }))
}

function usageOf(metrics: readonly MetricSpec[], milliOf: (metric: MetricSpec) => number): LoadTick['usageMilli'] {
  const usage: Record<string, Record<string, number>> = {}
  for (const metric of metrics) {
    if (metric.type !== 'Resource' && metric.type !== 'ContainerResource') continue
    const container = containerOf(metric)
    usage[container] = { ...usage[container], [metric.name]: milliOf(metric) }
  }
  return usage
}
