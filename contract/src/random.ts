/** Seeded random numbers. The same seed always produces the same users, sessions and pauses in a load test. */

export interface Random {
  /** Returns a random number from `low` (inclusive) to `high` (exclusive). */
  between(low: number, high: number): number
  /** Returns true with the given probability (0 to 1). */
  chance(probability: number): boolean
  /** Returns a random whole number from 0 to `below` - 1. */
  int(below: number): number
  /** Returns a random element of a list. */
  pick<T>(list: readonly [T, ...T[]]): T
}

/**
 * Returns a random number generator (mulberry32) whose numbers are the same on every platform.
 * @param seed the seed for the whole load test
 * @param stream selects one of the seed's independent number streams; each socket has its own stream, so its random numbers do not depend
 * on other sockets
 */
export function createRandom(seed: number, stream: number): Random {
  let state = (Math.imul(seed, 0x9e3779b1) ^ Math.imul(stream + 1, 0x85ebca6b)) >>> 0
  function next(): number {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
  const int = (below: number) => Math.floor(next() * below)
  return {
    between: (low, high) => low + next() * (high - low),
    chance: (probability) => next() < probability,
    int,
    pick: (list) => list[int(list.length)] ?? list[0],
  }
}
