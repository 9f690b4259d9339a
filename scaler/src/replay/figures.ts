/**
 * Calculates the key figures of a replica curve, in engine seconds. The replica count of each point on the curve is assumed to apply until
 * the next sync.
 */
import type { CurvePoint } from './replay.ts'

export interface Figures {
  readonly durationSeconds: number
  readonly peakReplicas: number
  /** Number of times that the replica count changed. */
  readonly changes: number
  /** Sum of all replicas' lifetimes, in seconds. */
  readonly replicaSeconds: number
  /** The part of replicaSeconds that the load did not require. */
  readonly overCapacityReplicaSeconds: number
  /** Number of seconds during which there were too few ready replicas to meet every target. */
  readonly aboveTargetSeconds: number
  /**
   * Number of seconds during which the load was unknown. The `overCapacityReplicaSeconds` and `aboveTargetSeconds` figures do not include
   * seconds with an unknown load.
   */
  readonly unknownSeconds: number
}

/** Calculates the key figures from the points of a replica curve, which must be in chronological order. */
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
