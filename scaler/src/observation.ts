/**
 * From what the platform and the metrics say to what the engine sees. Pure.
 *
 * Time can be compressed: the engine's seconds are Unix seconds times the time scale, so a period of 15 s passes in 1.5 s at
 * scale 10, and every ratio between periods, windows and delays is kept. The zero is fixed, so nothing shifts on a restart.
 */
import type { Observation, Pod, PodReadings } from './core/types.ts'
import type { MetricReadings, Replica } from './ports.ts'

export interface Seen {
  /** Unix seconds. */
  readonly nowSeconds: number
  /** Or why they cannot be read. */
  readonly replicas: readonly Replica[] | { readonly error: string }
  readonly readings: MetricReadings
}

/** @param previous the pods of the observation before: readiness and draining are remembered from there */
export function observationOf({ nowSeconds, replicas, readings }: Seen, previous: readonly Pod[], timeScale: number): Observation {
  const { objectValuesMilli, externalValuesMilli, failures } = readings
  const rest = { timeSeconds: nowSeconds * timeScale, objectValuesMilli, externalValuesMilli, failures }
  if ('error' in replicas) return { ...rest, scale: replicas, pods: [] }
  const pods = replicas.map((replica) => podOf(replica, readings, previous, timeScale))
  // Compose keeps no wanted count beside the containers: what is there and not on its way out is both numbers.
  const count = pods.filter(({ deleting }) => !deleting).length
  return { ...rest, scale: { specReplicas: count, statusReplicas: count }, pods }
}

function podOf(replica: Replica, readings: MetricReadings, previous: readonly Pod[], timeScale: number): Pod {
  const { startTimeSeconds, ready } = replica
  const reading = readings.replicas.find(({ name }) => name === replica.name)
  const started = startTimeSeconds === null ? null : startTimeSeconds * timeScale
  const before = previous.find(({ name, startTimeSeconds: then }) => name === replica.name && then === started)
  const readyNow = ready && { status: ready.status, sinceSeconds: ready.sinceSeconds * timeScale }
  return {
    ...replica,
    startTimeSeconds: started,
    // Docker remembers a few probes only: the first moment known is nearest to the truth.
    ready: readyNow && before?.ready?.status === readyNow.status ? before.ready : readyNow,
    // For good: a replica that has said goodbye does not come back, and its series end before it does.
    deleting: hasSaidGoodbye(replica, readings) || before?.deleting === true,
    sample: scaledSample(reading, timeScale),
    valuesMilli: reading?.valuesMilli ?? {},
  }
}

/** What was heard under this name before the replica started was said by the one before it. */
function hasSaidGoodbye({ name, startTimeSeconds }: Replica, { draining }: MetricReadings): boolean {
  return draining.some((said) => said.name === name && startTimeSeconds !== null && said.seenSeconds > startTimeSeconds)
}

function scaledSample(reading: PodReadings | undefined, timeScale: number): PodReadings['sample'] {
  if (!reading?.sample) return null
  const { timeSeconds, windowSeconds, usageMilli } = reading.sample
  return { timeSeconds: timeSeconds * timeScale, windowSeconds: windowSeconds * timeScale, usageMilli }
}
