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

/**
 * The same sampler, but with at most so many hits in a second: further ones are let go.
 * @param now milliseconds from anywhere, asked once per hit
 */
export function atMostPerSecond(limit: number, sample: () => boolean, now: () => number): () => boolean {
  let secondBegan = Number.NEGATIVE_INFINITY
  let hits = 0
  return () => {
    if (!sample()) return false
    const at = now()
    if (at - secondBegan >= 1000) {
      secondBegan = at
      hits = 0
    }
    return ++hits <= limit
  }
}
