/** Kubernetes counts in 64-bit and 32-bit integers; a double holds whole numbers only up to 2^53. */

const maxInt32 = 2 ** 31 - 1
const maxInt64 = 2n ** 63n - 1n

/** The sum as an int64, which wraps around as Go's does. */
export function sumInt64(values: Iterable<bigint>): bigint {
  let sum = 0n
  for (const value of values) sum += value
  return BigInt.asIntN(64, sum)
}

/** The sum as an int64 that stops at the largest one. */
export function saturatingSumInt64(values: Iterable<bigint>): bigint {
  let sum = 0n
  for (const value of values) sum += value
  return sum > maxInt64 ? maxInt64 : sum
}

/** `amount * 100 / whole` as a whole percent: an int64 product, cut off to an int32. `whole` must not be 0. */
export function percentInt32(amount: bigint, whole: bigint): number {
  return Number(BigInt.asIntN(32, BigInt.asIntN(64, amount * 100n) / whole))
}

/** Rounded up to a whole number of replicas, at most the largest int32. */
export function ceilReplicas(count: number): number {
  // Adding 0 turns -0 into 0.
  return Math.min(Math.ceil(count), maxInt32) + 0
}
