/** Statistical functions for the benchmarks. Pure. */

/** The minimum, median and maximum of the values from several rounds. */
export interface Spread {
  min: number
  median: number
  max: number
}

/**
 * Computes the minimum, median and maximum. For an even number of values, the median is the mean of the two middle values.
 * @throws RangeError if the list is empty
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
 * @param values at least one value, in any order
 * @param share a number between 0 and 1; for example, 0.99 gives p99
 * @returns the smallest value that is greater than or equal to at least the given fraction of all values
 * @throws RangeError if there are no values, or if share is not between 0 and 1
 */
export function percentile(values: ArrayLike<number>, share: number): number {
  if (!(share >= 0 && share <= 1)) throw new RangeError(`share ${share} is not between 0 and 1`)
  const sorted = Float64Array.from(values).sort()
  const value = sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)]
  if (value === undefined) throw new RangeError('percentile of no values')
  return value
}

/**
 * Divides the subject's value by the reference's value in each round, so that anything that affects a whole round cancels out.
 * @param subject the subject's values, by round
 * @param reference the reference's values, by round
 * @returns the ratios of subject to reference for all rounds in which both have a value, in round order
 */
export function ratios(subject: ReadonlyMap<number, number>, reference: ReadonlyMap<number, number>): number[] {
  const found: number[] = []
  for (const [round, value] of [...subject].sort(([a], [b]) => a - b)) {
    const base = reference.get(round)
    if (base !== undefined && base !== 0) found.push(value / base)
  }
  return found
}
