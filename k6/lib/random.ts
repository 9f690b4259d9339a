/** Seeded randomness: the same seed gives the same users, sessions and pauses. */

export interface Random {
  /** A number from `low` (included) to `high` (excluded). */
  between(low: number, high: number): number
  /** True with the given probability, 0 to 1. */
  chance(probability: number): boolean
}

/**
 * A small generator (mulberry32), good enough for load and reproducible everywhere.
 * @param seed seed of the whole run
 * @param stream which of its independent streams; each socket slot has its own, so that their order of events does not matter
 */
export function createRandom(seed: number, stream: number): Random {
  let state = (Math.imul(seed, 0x9e3779b1) ^ Math.imul(stream + 1, 0x85ebca6b)) >>> 0
  function next(): number {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
  return {
    between: (low, high) => low + next() * (high - low),
    chance: (probability) => next() < probability,
  }
}
