/**
 * From what Prometheus has recorded to what a loop would have seen at each moment of a range: the same observations, also of
 * a time when no scaler ran. Pure: the answers are given.
 *
 * Two things are not recorded as Docker knows them. A replica that is ready when it is first seen counts as ready since its
 * start, so a start-up shorter than a step takes no time. And what a replica requests is given from outside.
 */
import { replicaLabel } from '@lab/contract/metrics.ts'
import type { MetricSpec, Observation, Pod } from '../core/types.ts'
import { seriesKey } from '../core/types.ts'
import type { MetricMap } from '../metric-map.ts'
import type { Ask, Series } from '../metric-readings.ts'
import { readMetrics } from '../metric-readings.ts'
import { observationOf } from '../observation.ts'
import type { Replica } from '../ports.ts'

/** Unix seconds; the last moment is the last one of the steps from the first on that is not later than `untilSeconds`. */
export interface TimeRange {
  readonly sinceSeconds: number
  readonly untilSeconds: number
  readonly stepSeconds: number
}

/** Bound on the moments of a range: three days of sync periods. */
export const maxMoments = 20_000

export interface RecordedRange {
  readonly timesSeconds: readonly number[]
  /** query → its series at each of the times */
  readonly answers: ReadonlyMap<string, readonly (readonly Series[])[]>
}

/** What is known of replicas from elsewhere. */
export interface ReplicaSettings {
  /** The service's name, and that of the one container of a replica. */
  readonly service: string
  /** resources.requests in thousandths. */
  readonly requestsMilli: Readonly<Record<string, number>>
}

const noWorkingSets = (): Promise<never> => Promise.reject(new Error('memory is read from Docker, which keeps no record of it'))

/** How many moments a range has. */
export function momentsOf({ sinceSeconds, untilSeconds, stepSeconds }: TimeRange): number {
  return Math.floor((untilSeconds - sinceSeconds) / stepSeconds) + 1
}

/** The moments. */
export function timesOf(range: TimeRange): number[] {
  return Array.from({ length: momentsOf(range) }, (_, i) => range.sinceSeconds + i * range.stepSeconds)
}

/** Every query that observationsOf needs the answers to, or why a metric has none. */
export async function queriesFor(
  metrics: readonly MetricSpec[],
  map: MetricMap,
): Promise<{ readonly queries: readonly string[] } | { readonly problems: readonly string[] }> {
  const queries = new Set(Object.values(map.recorded))
  const ask: Ask = async (query) => {
    queries.add(query)
    return []
  }
  const { failures } = await readMetrics(metrics, map, '', { ask, workingSets: noWorkingSets })
  const problems = Object.values(failures)
  return problems.length > 0 ? { problems } : { queries: [...queries] }
}

/**
 * One observation per moment, from the first to the last one at which there was a replica; none when there never was. A
 * moment in between without any is one at which the count cannot be read.
 */
export async function observationsOf(
  { timesSeconds, answers }: RecordedRange,
  metrics: readonly MetricSpec[],
  map: MetricMap,
  replica: ReplicaSettings,
  timeScale: number,
): Promise<Observation[]> {
  const distinct = [...new Map(metrics.map((metric) => [seriesKey(metric), metric])).values()]
  const observations: Observation[] = []
  let previous: readonly Pod[] = []
  for (const [i, nowSeconds] of timesSeconds.entries()) {
    const at = (query: string): readonly Series[] => answers.get(query)?.[i] ?? []
    const ask: Ask = async (query) => at(query)
    const known = new Set(previous.map(({ name, startTimeSeconds }) => keyOf(name, startTimeSeconds)))
    const sinceOf = (name: string, started: number | null): number =>
      started === null || known.has(keyOf(name, started * timeScale)) ? nowSeconds : started
    const there = replicasAt(at, map.recorded, replica, sinceOf)
    const replicas = there.length > 0 ? there : { error: 'no replica was recorded' }
    const readings = await readMetrics(distinct, map, replica.service, { ask, workingSets: noWorkingSets })
    const observation = observationOf({ nowSeconds, replicas, readings }, previous, timeScale)
    if (there.length > 0) previous = observation.pods
    observations.push(observation)
  }
  const isKnown = ({ scale }: Observation): boolean => !('error' in scale)
  return observations.slice(Math.max(0, observations.findIndex(isKnown)), observations.findLastIndex(isKnown) + 1)
}

function keyOf(name: string, startTimeSeconds: number | null): string {
  return `${name} ${startTimeSeconds}`
}

/**
 * The replicas of one moment, ordered by number.
 * @param sinceOf since when a replica is what it is; an earlier observation that says the same goes before it
 */
function replicasAt(
  at: (query: string) => readonly Series[],
  recorded: MetricMap['recorded'],
  { service, requestsMilli }: ReplicaSettings,
  sinceOf: (name: string, startTimeSeconds: number | null) => number,
): Replica[] {
  const started = valuesByReplica(at(recorded.started))
  const ready = valuesByReplica(at(recorded.ready))
  return [...valuesByReplica(at(recorded.replicas)).keys()]
    .sort((a, b) => a.localeCompare(b, 'en', { numeric: true }))
    .map((name) => {
      const startTimeSeconds = started.get(name) ?? null
      const status = ready.get(name) === 1 ? ('True' as const) : ('False' as const)
      return {
        name,
        phase: 'Running' as const,
        startTimeSeconds,
        ready: ready.has(name) ? { status, sinceSeconds: sinceOf(name, startTimeSeconds) } : null,
        containers: [{ name: service, requestsMilli }],
      }
    })
}

function valuesByReplica(series: readonly Series[]): Map<string, number> {
  return new Map(
    series.flatMap(({ labels, value }) => {
      const name = labels[replicaLabel]
      return name === undefined ? [] : [[name, value] as const]
    }),
  )
}
