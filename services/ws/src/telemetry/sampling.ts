/**
 * Samples function calls at a given ratio. The sampler draws one random number per sampled call, and otherwise only decrements a counter.
 * Pure.
 */

/**
 * Returns a function that selects the given fraction of its calls, each call independently of the others.
 * @param ratio 0 to 1
 * @param random a function that returns a number from 0 (inclusive) to 1 (exclusive)
 */
export function ratioSampler(ratio: number, random: () => number): () => boolean {
  let left = gap()

  /** Returns the number of calls until the next sampled call. */
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
 * Limits the number of calls per second that a sampler selects.
 * @param now returns the time of a monotonic clock in milliseconds; `now` is called once for each call that `sample` selects
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
