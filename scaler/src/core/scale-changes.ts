/** Tracks the changes that the autoscaler makes to the replica count. Policies limit the sum of the changes within a period. */
import type { ScaleChange } from './decision.ts'
import type { ScalingRules } from './types.ts'

/** Returns the sum of the replica count changes within the period. */
export function changeWithin(
  changes: readonly ScaleChange[],
  { nowSeconds, periodSeconds }: { readonly nowSeconds: number; readonly periodSeconds: number },
): number {
  return changes.reduce((sum, { timeSeconds, change }) => (timeSeconds > nowSeconds - periodSeconds ? sum + change : sum), 0)
}

/**
 * Adds a replica count change to the list of changes in the same direction. An entry is outdated once it is older than the longest policy
 * period for this direction. A new entry overwrites the last outdated entry, so the list remains bounded.
 */
export function rememberChange(
  changes: readonly ScaleChange[],
  { timeSeconds, change }: Pick<ScaleChange, 'timeSeconds' | 'change'>,
  rules: ScalingRules,
): ScaleChange[] {
  const longestSeconds = Math.max(0, ...rules.policies.map(({ periodSeconds }) => periodSeconds))
  const marked = changes.map((entry) => ({ ...entry, outdated: entry.outdated || entry.timeSeconds < timeSeconds - longestSeconds }))
  const entry: ScaleChange = { timeSeconds, change, outdated: false }
  const old = marked.findLastIndex(({ outdated }) => outdated)
  return old < 0 ? [...marked, entry] : marked.with(old, entry)
}
