/**
 * Converts the results of the mapping file's queries to metric readings for each replica. The functions that query Prometheus and Docker
 * are passed as arguments.
 */
import { replicaLabel } from '@lab/contract/metrics.ts'
import type { MetricSpec, PodReadings, ResourceSample } from './core/types.ts'
import { seriesKey } from './core/types.ts'
import type { MetricMap } from './metric-map.ts'
import { queryFor } from './metric-map.ts'
import type { MetricReadings, WorkingSet } from './ports.ts'

/** The labels of a series, and its value at one point in time, which is always a finite number. */
export interface Series {
  readonly labels: Readonly<Record<string, string>>
  readonly value: number
}

/** Runs a Prometheus query and returns its series at the time of the current reading. Rejects if the query fails. */
export type Ask = (query: string) => Promise<readonly Series[]>

/** The sources from which metrics are read. */
export interface Sources {
  readonly ask: Ask
  /** Returns the memory and CPU usage of each replica's container. Rejects if the usage cannot be read. */
  readonly workingSets: () => Promise<readonly WorkingSet[]>
}

const memory = 'memory'

type ResourceMetric = Extract<MetricSpec, { type: 'Resource' | 'ContainerResource' }>

/**
 * Reads all of the autoscaler's metrics once. Never rejects: metrics that cannot be read are listed in `failures`.
 * @param containerName the name that observations use for a replica's container
 */
export async function readMetrics(
  metrics: readonly MetricSpec[],
  map: MetricMap,
  containerName: string,
  { ask, workingSets }: Sources,
): Promise<MetricReadings> {
  const collected = new Collected()
  const isResource = (metric: MetricSpec): metric is ResourceMetric => metric.type === 'Resource' || metric.type === 'ContainerResource'
  // Docker returns the usage of all resources at once, so it is asked only once.
  let usage: Promise<readonly WorkingSet[]> | undefined
  const resources = new Map(metrics.filter(isResource).map((metric) => [seriesKey(metric), metric]))
  await Promise.all([
    // If Prometheus is down, the queries for draining replicas and for metrics all fail, so the scaler leaves the number of replicas
    // unchanged.
    ...(map.draining === '' ? [] : [collected.attempt('draining', async () => collected.addDraining(await ask(map.draining)))]),
    ...[...resources].map(([key, metric]) =>
      collected.attempt(key, async () => {
        const fromDocker = map.docker.find((name) => name === metric.name)
        if (fromDocker !== undefined) {
          usage ??= workingSets()
          collected.addUsage(fromDocker, await usage, containerName)
        } else await readResource(metric, { map, ask, containerName }, collected)
      }),
    ),
    ...metrics
      .filter((metric) => !isResource(metric))
      .map((metric) => collected.attempt(seriesKey(metric), () => readCustom(metric, map, ask, collected))),
  ])
  return collected.readings()
}

interface ResourceSource {
  readonly map: MetricMap
  readonly ask: Ask
  readonly containerName: string
}

async function readResource(metric: ResourceMetric, { map, ask, containerName }: ResourceSource, collected: Collected): Promise<void> {
  const chosen = queryFor(map, metric)
  if (!chosen.ok) throw new Error(chosen.problems.join('; '))
  const rule = map.resource.find(({ name }) => name === metric.name)
  const [values, times] = await Promise.all([ask(chosen.value), ask(rule?.timeQuery ?? chosen.value)])
  const timeOf = new Map(times.map(({ labels, value }) => [labels[replicaLabel], value]))
  for (const { labels, value } of values) {
    const timeSeconds = timeOf.get(labels[replicaLabel])
    if (timeSeconds === undefined) continue
    const usageMilli = { [containerName]: { [metric.name]: usageMilliOf(metric.name, value) } }
    collected.addSample(labels[replicaLabel], { timeSeconds, windowSeconds: rule?.windowSeconds ?? 0, usageMilli })
  }
}

async function readCustom(metric: MetricSpec, map: MetricMap, ask: Ask, collected: Collected): Promise<void> {
  const chosen = queryFor(map, metric)
  if (!chosen.ok) throw new Error(chosen.problems.join('; '))
  const series = await ask(chosen.value)
  const key = seriesKey(metric)
  const [first] = series
  if (metric.type === 'Pods') for (const { labels, value } of series) collected.addValue(labels[replicaLabel], key, milli(value))
  else if (metric.type === 'External') collected.external[key] = series.map(({ value }) => milli(value))
  else if (series.length > 1) throw new Error(`${series.length} series where one describes the object: ${chosen.value}`)
  else if (first) collected.object[key] = milli(first.value)
}

/** Rounds usage as metrics-server and the HPA controller do: memory down to whole bytes, and other resources up to whole thousandths. */
function usageMilliOf(resource: string, value: number): number {
  return resource === memory ? Math.trunc(value) * 1000 : Math.ceil(Math.trunc(value * 1e9) / 1e6)
}

/** Converts a value to whole thousandths, rounded down as in prometheus-adapter. */
function milli(value: number): number {
  return Math.trunc(value * 1000)
}

/** Combines the results of several queries into the readings of each replica. */
class Collected {
  readonly object: Record<string, number> = {}
  readonly external: Record<string, number[]> = {}
  readonly #replicas = new Map<string, PodReadings>()
  readonly #failures: Record<string, string> = {}
  #draining: { name: string; seenSeconds: number }[] = []

  async attempt(key: string, act: () => Promise<void>): Promise<void> {
    try {
      await act()
    } catch (error) {
      this.#failures[key] = error instanceof Error ? error.message : String(error)
    }
  }

  addDraining(series: readonly Series[]): void {
    this.#draining = series.flatMap(({ labels, value }) => {
      const name = labels[replicaLabel]
      return name === undefined ? [] : [{ name, seenSeconds: value }]
    })
  }

  addValue(name: string | undefined, key: string, value: number): void {
    if (name === undefined) throw new Error(`a series without the label ${replicaLabel}`)
    const known = this.#replica(name)
    this.#replicas.set(name, { ...known, valuesMilli: { ...known.valuesMilli, [key]: value } })
  }

  /** Adds the usage of one resource that Docker reports. Replicas whose CPU usage is not known yet remain without a sample. */
  addUsage(resource: MetricMap['docker'][number], usage: readonly WorkingSet[], containerName: string): void {
    for (const { name, bytes, timeSeconds, cpu } of usage) {
      if (resource === memory)
        this.addSample(name, { timeSeconds, windowSeconds: 0, usageMilli: { [containerName]: { [memory]: milli(bytes) } } })
      else if (cpu !== undefined) {
        // The HPA controller rounds the billionths of a core that metrics-server reports up to thousandths.
        const usageMilli = { [containerName]: { [resource]: Math.ceil(cpu.nanocores / 1e6) } }
        this.addSample(name, { timeSeconds: cpu.timeSeconds, windowSeconds: cpu.windowSeconds, usageMilli })
      }
    }
  }

  /** Adds a resource's usage to a replica's sample. The combined sample has the time of its oldest part. */
  addSample(name: string | undefined, sample: ResourceSample): void {
    if (name === undefined) throw new Error(`a series without the label ${replicaLabel}`)
    const known = this.#replica(name)
    this.#replicas.set(name, { ...known, sample: known.sample === null ? sample : merged(known.sample, sample) })
  }

  readings(): MetricReadings {
    return {
      replicas: [...this.#replicas.values()].sort((a, b) => a.name.localeCompare(b.name, 'en', { numeric: true })),
      draining: this.#draining,
      objectValuesMilli: this.object,
      externalValuesMilli: this.external,
      failures: this.#failures,
    }
  }

  #replica(name: string): PodReadings {
    return this.#replicas.get(name) ?? { name, sample: null, valuesMilli: {} }
  }
}

function merged(a: ResourceSample, b: ResourceSample): ResourceSample {
  const usageMilli = Object.fromEntries(
    Object.keys({ ...a.usageMilli, ...b.usageMilli }).map((name) => [name, { ...a.usageMilli[name], ...b.usageMilli[name] }]),
  )
  const timeSeconds = Math.min(a.timeSeconds, b.timeSeconds)
  return { timeSeconds, windowSeconds: Math.max(a.windowSeconds, b.windowSeconds), usageMilli }
}
