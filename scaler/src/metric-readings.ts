/** From the answers of a mapping file's queries to what the metrics say of the replicas. Asks nobody itself. */
import { replicaLabel } from '@lab/contract/metrics.ts'
import type { MetricSpec, PodReadings, ResourceSample } from './core/types.ts'
import { seriesKey } from './core/types.ts'
import type { MetricMap } from './metric-map.ts'
import { queryFor } from './metric-map.ts'
import type { MetricReadings, WorkingSet } from './ports.ts'

/** One series at one moment; its value is a number. */
export interface Series {
  readonly labels: Readonly<Record<string, string>>
  readonly value: number
}

/** Gives the series of a query at the moment that is read; rejects when there is no answer. */
export type Ask = (query: string) => Promise<readonly Series[]>

/** Whom a reading asks. */
export interface Sources {
  readonly ask: Ask
  /** Rejects when they can't be had. */
  readonly workingSets: () => Promise<readonly WorkingSet[]>
}

const memory = 'memory'

type ResourceMetric = Extract<MetricSpec, { type: 'Resource' | 'ContainerResource' }>

/**
 * One reading of the metrics. Never rejects: what cannot be read is among the failures.
 * @param containerName what the one container of a replica is called in observations
 */
export async function readMetrics(
  metrics: readonly MetricSpec[],
  map: MetricMap,
  containerName: string,
  { ask, workingSets }: Sources,
): Promise<MetricReadings> {
  const collected = new Collected()
  const isResource = (metric: MetricSpec): metric is ResourceMetric => metric.type === 'Resource' || metric.type === 'ContainerResource'
  const resources = new Map(metrics.filter(isResource).map((metric) => [seriesKey(metric), metric]))
  await Promise.all([
    // When this fails, so does everything else, and nothing is decided.
    collected.attempt('draining', async () => collected.addDraining(await ask(map.draining))),
    ...[...resources].map(([key, metric]) =>
      collected.attempt(key, async () => {
        if (metric.name === memory && map.docker.includes(memory)) collected.addWorkingSets(await workingSets(), containerName)
        else await readResource(metric, map, ask, collected, containerName)
      }),
    ),
    ...metrics
      .filter((metric) => !isResource(metric))
      .map((metric) => collected.attempt(seriesKey(metric), () => readCustom(metric, map, ask, collected))),
  ])
  return collected.readings()
}

async function readResource(metric: ResourceMetric, map: MetricMap, ask: Ask, collected: Collected, containerName: string): Promise<void> {
  const chosen = queryFor(map, metric)
  if ('error' in chosen) throw new Error(chosen.error)
  const rule = map.resource.find(({ name }) => name === metric.name)
  const [values, times] = await Promise.all([ask(chosen.query), ask(rule?.timeQuery ?? chosen.query)])
  const timeOf = new Map(times.map(({ labels, value }) => [labels[replicaLabel], value]))
  for (const { labels, value } of values) {
    const timeSeconds = timeOf.get(labels[replicaLabel])
    if (timeSeconds === undefined) continue
    const usageMilli = { [containerName]: { [metric.name]: milli(value) } }
    collected.addSample(labels[replicaLabel], { timeSeconds, windowSeconds: rule?.windowSeconds ?? 0, usageMilli })
  }
}

async function readCustom(metric: MetricSpec, map: MetricMap, ask: Ask, collected: Collected): Promise<void> {
  const chosen = queryFor(map, metric)
  if ('error' in chosen) throw new Error(chosen.error)
  const series = await ask(chosen.query)
  const key = seriesKey(metric)
  const [first] = series
  if (metric.type === 'Pods') for (const { labels, value } of series) collected.addValue(labels[replicaLabel], key, milli(value))
  else if (metric.type === 'External') collected.external[key] = series.map(({ value }) => milli(value))
  else if (series.length > 1) throw new Error(`${series.length} series where one describes the object: ${chosen.query}`)
  else if (first) collected.object[key] = milli(first.value)
}

/** Whole thousandths; a part of one does not count. */
function milli(value: number): number {
  return Math.trunc(value * 1000)
}

/** What the queries of one reading bring together. */
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

  addWorkingSets(sets: readonly WorkingSet[], containerName: string): void {
    for (const { name, bytes, timeSeconds } of sets)
      this.addSample(name, { timeSeconds, windowSeconds: 0, usageMilli: { [containerName]: { [memory]: milli(bytes) } } })
  }

  /** A replica has one sample of all its resources, as old as the oldest part of it. */
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
