/**
 * Converts recorded Prometheus data to the observations that a control loop would have made in a time range, even if no scaler was running.
 * All functions are pure: the query results are passed as arguments.
 *
 * The recorded data differ from Docker's data in two respects. First, a replica that is ready in its first observation counts as ready
 * since its start, so a start-up that is shorter than the interval between observations appears to take no time. Second, the replicas'
 * resource requests are not recorded, so the caller passes them as an argument.
 */
import { replicaLabel } from '@lab/contract/metrics.ts'
import { failure, type Result, success } from '@lab/contract/result.ts'
import type { MetricSpec, Observation, Pod } from '../core/types.ts'
import { seriesKey } from '../core/types.ts'
import type { MetricMap } from '../metric-map.ts'
import type { Ask, Series } from '../metric-readings.ts'
import { readMetrics } from '../metric-readings.ts'
import { observationOf } from '../observation.ts'
import type { ListedReplica } from '../ports.ts'

/** A time range in Unix seconds. The last point of the range is the last step that is not later than `untilSeconds`. */
export interface TimeRange {
  readonly sinceSeconds: number
  readonly untilSeconds: number
  readonly stepSeconds: number
}

/** Maximum number of points in a range: about three days of sync periods. */
export const maxMoments = 20_000

export interface RecordedRange {
  readonly timesSeconds: readonly number[]
  /** The series that each query returned for each point in the range. */
  readonly answers: ReadonlyMap<string, readonly (readonly Series[])[]>
}

/** Replica data that Prometheus does not record. */
export interface ReplicaSettings {
  /** Name of the service, and of the container in each replica. */
  readonly service: string
  /** A replica's resource requests, in thousandths. */
  readonly requestsMilli: Readonly<Record<string, number>>
}

/** Settings of observationsOf(). */
export interface ObservationSettings {
  readonly metrics: readonly MetricSpec[]
  readonly map: MetricMap
  readonly replica: ReplicaSettings
  /** Time compression factor; 1 is real time. */
  readonly timeScale: number
}

const noWorkingSets = (): Promise<never> => Promise.reject(new Error('the usage is read from Docker, which does not record it'))

/** Returns the number of points in a time range. */
export function momentsOf({ sinceSeconds, untilSeconds, stepSeconds }: TimeRange): number {
  return Math.floor((untilSeconds - sinceSeconds) / stepSeconds) + 1
}

/** Returns the points in a time range, in Unix seconds. */
export function timesOf(range: TimeRange): number[] {
  return Array.from({ length: momentsOf(range) }, (_, i) => range.sinceSeconds + i * range.stepSeconds)
}

/** Returns the queries whose results observationsOf() needs. Fails if a metric has no query in the mapping file. */
export async function queriesFor(metrics: readonly MetricSpec[], map: MetricMap): Promise<Result<readonly string[]>> {
  if (map.recorded.replicas === '') return failure('the mapping file has no section recorded, with which past replicas are read')
  const queries = new Set(Object.values(map.recorded))
  const ask: Ask = async (query) => {
    queries.add(query)
    return []
  }
  const { failures } = await readMetrics(metrics, map, '', { ask, workingSets: noWorkingSets })
  const problems = Object.values(failures)
  return problems.length > 0 ? failure(...problems) : success([...queries])
}

/**
 * Returns an observation for each point, from the first to the last point at which a replica existed. If no replica existed at a point
 * between these two, that point's observation states that the replica count could not be read. Returns an empty list if no replica existed
 * at any point.
 */
export async function observationsOf(
  { timesSeconds, answers }: RecordedRange,
  { metrics, map, replica, timeScale }: ObservationSettings,
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
    const recorded = replicasAt(at, map.recorded, replica, sinceOf)
    const replicas = recorded.length > 0 ? success(recorded) : failure('no replica was recorded')
    const readings = await readMetrics(distinct, map, replica.service, { ask, workingSets: noWorkingSets })
    const observation = observationOf({ nowSeconds, replicas, readings }, previous, timeScale)
    if (replicas.ok) previous = observation.pods
    observations.push(observation)
  }
  const isKnown = ({ scale }: Observation): boolean => !('error' in scale)
  return observations.slice(Math.max(0, observations.findIndex(isKnown)), observations.findLastIndex(isKnown) + 1)
}

function keyOf(name: string, startTimeSeconds: number | null): string {
  return `${name} ${startTimeSeconds}`
}

/**
 * Returns the replicas at a point in time, ordered by number.
 * @param sinceOf returns the time since which a replica has been ready or unready; if the previous observation shows the same status, its
 * time takes precedence
 */
function replicasAt(
  at: (query: string) => readonly Series[],
  recorded: MetricMap['recorded'],
  { service, requestsMilli }: ReplicaSettings,
  sinceOf: (name: string, startTimeSeconds: number | null) => number,
): ListedReplica[] {
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
