/**
 * Combines the replicas and the metric readings into the observation for decide(). Pure.
 *
 * Time can be compressed: an observation's times are Unix seconds multiplied by the time scale. With a time scale of 10, a period of 15 s
 * takes 1.5 s, and the ratios between all periods, windows and delays stay the same. Restarting the scaler does not change the engine's
 * time.
 */
import type { Result } from '@lab/contract/result.ts'
import type { Observation, Pod, PodReadings } from './core/types.ts'
import type { ListedReplica, MetricReadings } from './ports.ts'

export interface ObservationInput {
  /** Unix time. */
  readonly nowSeconds: number
  /** The replicas as listed by Docker, or the error that occurred while they were being listed. */
  readonly replicas: Result<readonly ListedReplica[]>
  readonly readings: MetricReadings
  /** Desired number of replicas during a rollout, which temporarily runs additional replicas. */
  readonly wanted?: number
}

/** Returns the observation. @param previous pods of the previous observation, which determine readiness times and draining states */
export function observationOf(input: ObservationInput, previous: readonly Pod[], timeScale: number): Observation {
  const { nowSeconds, replicas, readings, wanted } = input
  const { objectValuesMilli, externalValuesMilli, failures } = readings
  const rest = { timeSeconds: engineSeconds(nowSeconds, timeScale), objectValuesMilli, externalValuesMilli, failures }
  if (!replicas.ok) return { ...rest, scale: { error: replicas.problems.join('; ') }, pods: [] }
  const known: Known = {
    readings: new Map(readings.replicas.map((one) => [one.name, one])),
    draining: Map.groupBy(readings.draining, ({ name }) => name),
    previous: new Map(previous.map((pod) => [pod.name, pod])),
  }
  const pods = replicas.value.map((replica) => podOf(replica, known, timeScale))
  // Compose does not store a desired number of replicas, so outside a rollout, the number of replicas that are not draining serves as both
  // spec.replicas and status.replicas.
  const count = pods.filter(({ deleting }) => !deleting).length
  return { ...rest, scale: { specReplicas: wanted ?? count, statusReplicas: count }, pods }
}

/** What is known about the replicas from sources other than Docker, keyed by replica name. */
interface Known {
  readonly readings: ReadonlyMap<string, PodReadings>
  readonly draining: ReadonlyMap<string, MetricReadings['draining']>
  readonly previous: ReadonlyMap<string, Pod>
}

function podOf(replica: ListedReplica, known: Known, timeScale: number): Pod {
  // The facts about the container are not part of an observation, because no decision depends on them.
  const { facts: _, ...pod } = replica
  const { name, startTimeSeconds, ready } = pod
  const reading = known.readings.get(name)
  const started = startTimeSeconds === null ? null : engineSeconds(startTimeSeconds, timeScale)
  const namesake = known.previous.get(name)
  const before = namesake?.startTimeSeconds === started ? namesake : undefined
  // A sample from before the replica's start belongs to a former replica with the same name.
  const isDraining = known.draining.get(name)?.some(({ seenSeconds }) => startTimeSeconds !== null && seenSeconds > startTimeSeconds)
  const readyNow = ready && { status: ready.status, sinceSeconds: engineSeconds(ready.sinceSeconds, timeScale) }
  return {
    ...pod,
    startTimeSeconds: started,
    // Docker keeps only the last few probe results, so the scaler's earliest reading of when the replica became ready is the most accurate.
    ready: readyNow && before?.ready?.status === readyNow.status ? before.ready : readyNow,
    // A draining replica never becomes ready again, and its metrics disappear before its container exits.
    deleting: isDraining === true || before?.deleting === true,
    sample: scaledSample(reading, timeScale),
    valuesMilli: reading?.valuesMilli ?? {},
  }
}

function scaledSample(reading: PodReadings | undefined, timeScale: number): PodReadings['sample'] {
  if (!reading?.sample) return null
  const { timeSeconds, windowSeconds, usageMilli } = reading.sample
  return { timeSeconds: engineSeconds(timeSeconds, timeScale), windowSeconds: engineSeconds(windowSeconds, timeScale), usageMilli }
}

/**
 * Converts a time to the engine's compressed time. The result is rounded to whole milliseconds, the precision of times in an exported
 * conformance case.
 */
function engineSeconds(seconds: number, timeScale: number): number {
  return Math.round(seconds * timeScale * 1000) / 1000
}
