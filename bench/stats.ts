/** Small statistics of the bench. Pure. */

/** Smallest, middle and largest of some rounds. */
export interface Spread {
  min: number
  median: number
  max: number
}

/**
 * @param values at least one number
 * @returns smallest, median (mean of the two middle ones when their count is even) and largest
 * @throws RangeError when there are none
 */
export function spread(values: readonly number[]): Spread {
  const sorted = Float64Array.from(values).sort()
  const [min, max] = [sorted[0], sorted[sorted.length - 1]]
  if (min === undefined || max === undefined) throw new RangeError('spread of no values')
  const upper = sorted[sorted.length >> 1] ?? max
  const lower = sorted[(sorted.length - 1) >> 1] ?? min
  return { min, median: (lower + upper) / 2, max }
}

/**
 * Nearest-rank percentile.
 * @param values in any order, at least one
 * @param share between 0 and 1: 0.99 is p99
 * @returns the smallest value that at least this share of all values does not exceed
 * @throws RangeError when there are no values or share is outside 0 to 1
 */
export function percentile(values: ArrayLike<number>, share: number): number {
  if (!(share >= 0 && share <= 1)) throw new RangeError(`share ${share} is not between 0 and 1`)
  const sorted = Float64Array.from(values).sort()
  const value = sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)]
  if (value === undefined) throw new RangeError('percentile of no values')
  return value
}

/**
 * Divides round by round, so that what slowed a whole round cancels out.
 * @param subject value by round
 * @param reference value by round
 * @returns subject / reference of every round that both have, in the order of the rounds
 */
export function ratios(subject: ReadonlyMap<number, number>, reference: ReadonlyMap<number, number>): number[] {
  const found: number[] = []
  for (const [round, value] of [...subject].sort(([a], [b]) => a - b)) {
    const base = reference.get(round)
    if (base !== undefined && base !== 0) found.push(value / base)
  }
  return found
}
