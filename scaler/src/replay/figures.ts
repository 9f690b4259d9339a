/** Calculates the figures of a replica curve, in seconds of the engine. A replica count applies until the next synchronisation. */
import type { CurvePoint } from './replay.ts'

export interface Figures {
  readonly durationSeconds: number
  readonly peakReplicas: number
  /** Number of changes of the replica count. */
  readonly changes: number
  /** Sum of the lifetimes of all replicas. */
  readonly replicaSeconds: number
  /** The part of replicaSeconds that the load did not need. */
  readonly overCapacityReplicaSeconds: number
  /** Number of seconds in which the ready replicas were too few to meet every target. */
  readonly aboveTargetSeconds: number
  /**
   * Number of seconds in which the load was not known. The fields `overCapacityReplicaSeconds` and `aboveTargetSeconds` do not include
   * seconds with an unknown load.
   */
  readonly unknownSeconds: number
}

/** Calculates the figures from the points of a replica curve, which must be in chronological order. */
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
