/** The changes the autoscaler made itself; policies count them. */
import type { ScaleChange } from './decision.ts'
import type { ScalingRules } from './types.ts'

/** The sum of the changes newer than the period. */
export function changeWithin(changes: readonly ScaleChange[], nowSeconds: number, periodSeconds: number): number {
  return changes.reduce((sum, { timeSeconds, change }) => (timeSeconds > nowSeconds - periodSeconds ? sum + change : sum), 0)
}

/**
 * Remembers a change in its direction. Entries older than the longest period of that direction's policies become
 * outdated; the last outdated one is overwritten, so the list never grows beyond what one longest period needs.
 */
export function rememberChange(changes: readonly ScaleChange[], change: number, nowSeconds: number, rules: ScalingRules): ScaleChange[] {
  const longestSeconds = Math.max(0, ...rules.policies.map(({ periodSeconds }) => periodSeconds))
  const marked = changes.map((entry) => ({ ...entry, outdated: entry.outdated || entry.timeSeconds < nowSeconds - longestSeconds }))
  const entry: ScaleChange = { timeSeconds: nowSeconds, change, outdated: false }
  const old = marked.findLastIndex(({ outdated }) => outdated)
  return old < 0 ? [...marked, entry] : marked.with(old, entry)
}
