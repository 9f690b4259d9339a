/** Random that can be had again: everything comes from one seed. */
export interface Random {
  /** A whole number from 0 to `below` - 1. */
  int(below: number): number
  /** True once in `times`. */
  oneIn(times: number): boolean
  pick<T>(list: readonly [T, ...T[]]): T
  bytes(length: number): Buffer
}

/** The xorshift generator with 32 bits. @param seed any whole number but 0 */
export function seededRandom(seed: number): Random {
  let state = seed | 0 || 1
  const next = () => {
    state ^= state << 13
    state ^= state >>> 17
    state ^= state << 5
    return state >>> 0
  }
  const int = (below: number) => next() % below
  return {
    int,
    oneIn: (times) => int(times) === 0,
    pick: (list) => list[int(list.length)] ?? list[0],
    bytes: (length) => Buffer.from(Array.from({ length }, () => int(256))),
  }
}
