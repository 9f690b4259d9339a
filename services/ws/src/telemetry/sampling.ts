/** Choosing by a ratio at the price of counting down: chance is asked once per hit, not once per candidate. Pure. */

/**
 * A sampler that says yes to this share of its calls, each call independent of the others.
 * @param ratio 0 to 1
 * @param random a number from 0 up to but not including 1
 */
export function ratioSampler(ratio: number, random: () => number): () => boolean {
  let left = gap()

  /** How many calls on the next yes comes. */
  function gap(): number {
    if (ratio >= 1) return 1
    if (ratio <= 0) return Number.POSITIVE_INFINITY
    return Math.max(1, Math.ceil(Math.log(1 - random()) / Math.log(1 - ratio)))
  }

  return () => {
    if (--left > 0) return false
    left = gap()
    return true
  }
}
