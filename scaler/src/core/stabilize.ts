/** The windows: a recommendation counts only as far as the recent ones agree, and is itself remembered. */
import type { Recommendation } from './decision.ts'

export interface Stabilized {
  readonly replicas: number
  readonly recommendations: readonly Recommendation[]
}

/** Without `behavior`: the largest of the recommendation and those not older than the window. */
export function stabilize(
  recommendations: readonly Recommendation[],
  recommendation: number,
  nowSeconds: number,
  windowSeconds: number,
): Stabilized {
  const cutoff = nowSeconds - windowSeconds
  const recent = recommendations.filter(({ timeSeconds }) => timeSeconds >= cutoff).map(({ replicas }) => replicas)
  return {
    replicas: Math.max(recommendation, ...recent),
    recommendations: remember(recommendations, recommendation, nowSeconds, cutoff),
  }
}

/**
 * With `behavior`: the current count, raised to the least recommendation of the scale-up window and then lowered to the
 * largest one of the scale-down window. A recommendation exactly as old as its window does not count here.
 */
export function stabilizeWithBehavior(
  recommendations: readonly Recommendation[],
  recommendation: number,
  currentReplicas: number,
  nowSeconds: number,
  windows: { readonly upSeconds: number; readonly downSeconds: number },
): Stabilized {
  const upCutoff = nowSeconds - windows.upSeconds
  const downCutoff = nowSeconds - windows.downSeconds
  const newerThan = (cutoff: number): number[] =>
    recommendations.filter(({ timeSeconds }) => timeSeconds > cutoff).map(({ replicas }) => replicas)
  const low = Math.min(recommendation, ...newerThan(upCutoff))
  const high = Math.max(recommendation, ...newerThan(downCutoff))
  return {
    replicas: Math.min(Math.max(currentReplicas, low), high),
    recommendations: remember(recommendations, recommendation, nowSeconds, Math.min(upCutoff, downCutoff)),
  }
}

/** The last entry before the cutoff is overwritten; without one the list grows. */
function remember(
  recommendations: readonly Recommendation[],
  replicas: number,
  timeSeconds: number,
  cutoff: number,
): readonly Recommendation[] {
  const entry: Recommendation = { timeSeconds, replicas }
  const old = recommendations.findLastIndex((recommendation) => recommendation.timeSeconds < cutoff)
  return old < 0 ? [...recommendations, entry] : recommendations.with(old, entry)
}
