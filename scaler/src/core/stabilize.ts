/** Applies the stabilization windows, which limit a recommendation to the range of recent recommendations. */
import type { Recommendation } from './decision.ts'

export interface Stabilized {
  readonly replicas: number
  /** The recommendations to remember for later syncs, including the new one. */
  readonly recommendations: readonly Recommendation[]
}

/**
 * The input to the stabilization; the names of its replica-count fields are those of the NormalizationArg type in Kubernetes' HPA
 * controller.
 */
interface StabilizeArg {
  /** Recommendations from earlier syncs. */
  readonly recommendations: readonly Recommendation[]
  /** The recommendation from this sync. */
  readonly desiredReplicas: number
  readonly nowSeconds: number
}

export interface WindowArg extends StabilizeArg {
  readonly windowSeconds: number
}

export interface BehaviorWindowsArg extends StabilizeArg {
  readonly currentReplicas: number
  readonly scaleUpWindowSeconds: number
  readonly scaleDownWindowSeconds: number
}

/**
 * Stabilizes a recommendation if the spec has no `behavior`, like stabilizeRecommendation in Kubernetes: returns the largest recommendation
 * within the window, including the new one.
 */
export function stabilize({ recommendations, desiredReplicas, nowSeconds, windowSeconds }: WindowArg): Stabilized {
  const cutoff = nowSeconds - windowSeconds
  const recent = recommendations.filter(({ timeSeconds }) => timeSeconds >= cutoff).map(({ replicas }) => replicas)
  return {
    replicas: Math.max(desiredReplicas, ...recent),
    recommendations: remember(recommendations, { timeSeconds: nowSeconds, replicas: desiredReplicas }, cutoff),
  }
}

/**
 * Stabilizes a recommendation if the spec has `behavior`, like stabilizeRecommendationWithBehaviors in Kubernetes: raises the current count
 * to the smallest recommendation in the scale-up window, and then lowers it to the largest recommendation in the scale-down window. A
 * recommendation that is exactly as old as the stabilization window does not count.
 */
export function stabilizeWithBehavior(arg: BehaviorWindowsArg): Stabilized {
  const { recommendations, desiredReplicas, currentReplicas, nowSeconds } = arg
  const upCutoff = nowSeconds - arg.scaleUpWindowSeconds
  const downCutoff = nowSeconds - arg.scaleDownWindowSeconds
  const newerThan = (cutoff: number): number[] =>
    recommendations.filter(({ timeSeconds }) => timeSeconds > cutoff).map(({ replicas }) => replicas)
  const low = Math.min(desiredReplicas, ...newerThan(upCutoff))
  const high = Math.max(desiredReplicas, ...newerThan(downCutoff))
  const entry = { timeSeconds: nowSeconds, replicas: desiredReplicas }
  return {
    replicas: Math.min(Math.max(currentReplicas, low), high),
    recommendations: remember(recommendations, entry, Math.min(upCutoff, downCutoff)),
  }
}

/**
 * Replaces the last recommendation that is older than the cutoff with the new one, or appends the new one if no recommendation is that old.
 */
function remember(recommendations: readonly Recommendation[], entry: Recommendation, cutoff: number): readonly Recommendation[] {
  const old = recommendations.findLastIndex(({ timeSeconds }) => timeSeconds < cutoff)
  return old < 0 ? [...recommendations, entry] : recommendations.with(old, entry)
}
