/** What a replica curve comes to, in the engine's seconds. A count holds from its synchronisation to the next one. */
import type { CurvePoint } from './replay.ts'

export interface Figures {
  readonly durationSeconds: number
  readonly peakReplicas: number
  /** Times the count was changed. */
  readonly changes: number
  /** Every replica for every second it was there. */
  readonly replicaSeconds: number
  /** The part of it beyond what the load filled exactly to the targets. */
  readonly overCapacityReplicaSeconds: number
  /** Seconds in which the replicas that were ready were filled beyond a target. */
  readonly aboveTargetSeconds: number
  /** Seconds in which the load was not known: they are in neither of the two before. */
  readonly unknownSeconds: number
}

/** Takes points in the order of time. */
export function figuresOf(points: readonly CurvePoint[]): Figures {
  let peakReplicas = 0
  let changes = 0
  let replicaSeconds = 0
  let overCapacityReplicaSeconds = 0
  let aboveTargetSeconds = 0
  let unknownSeconds = 0
  points.forEach(({ timeSeconds, replicas, ready, needed, changed }, i) => {
    const seconds = (points[i + 1]?.timeSeconds ?? timeSeconds) - timeSeconds
    peakReplicas = Math.max(peakReplicas, replicas)
    if (changed) changes += 1
    replicaSeconds += replicas * seconds
    if (needed === null) unknownSeconds += seconds
    else {
      overCapacityReplicaSeconds += Math.max(0, replicas - needed) * seconds
      if (needed > ready) aboveTargetSeconds += seconds
    }
  })
  const durationSeconds = (points.at(-1)?.timeSeconds ?? 0) - (points[0]?.timeSeconds ?? 0)
  return { durationSeconds, peakReplicas, changes, replicaSeconds, overCapacityReplicaSeconds, aboveTargetSeconds, unknownSeconds }
}
