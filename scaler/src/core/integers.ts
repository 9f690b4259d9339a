/** 64-bit and 32-bit integer arithmetic, as in Kubernetes. A double represents whole numbers exactly only up to 2^53. */

const maxInt32 = 2 ** 31 - 1
const maxDouble = 2n ** 53n
export const maxInt64 = 2n ** 63n - 1n

/** Returns the sum as an int64 that wraps around on overflow, as in Go. */
export function sumInt64(values: Iterable<bigint>): bigint {
  let sum = 0n
  for (const value of values) sum += value
  return BigInt.asIntN(64, sum)
}

/** Returns the sum, or the largest int64 if an intermediate sum exceeds it. */
export function saturatingSumInt64(values: Iterable<bigint>): bigint {
  let sum = 0n
  for (const value of values) {
    if (sum + value > maxInt64) return maxInt64
    sum = BigInt.asIntN(64, sum + value)
  }
  return sum
}

/** Returns the sum, or the largest int64 if an intermediate sum is negative, which Kubernetes treats as an overflow. */
export function sumOrLargestInt64(values: Iterable<bigint>): bigint {
  let sum = 0n
  for (const value of values) {
    sum = BigInt.asIntN(64, sum + value)
    if (sum < 0n) return maxInt64
  }
  return sum
}

/** Returns the field of a metric's current value that contains the exact amount; no field if a double represents the amount exactly. */
export function exactAmount(milli: bigint): { exactMilli?: string } {
  return milli > maxDouble || milli < -maxDouble ? { exactMilli: String(milli) } : {}
}

/**
 * Returns `amount * 100 / whole` as a whole percentage, computed with an int64 product and truncated to an int32. Callers must not pass 0
 * as `whole`.
 */
export function percentInt32(amount: bigint, whole: bigint): number {
  return Number(BigInt.asIntN(32, BigInt.asIntN(64, amount * 100n) / whole))
}

/** Rounds a number up to whole replicas; the result is at most the largest int32. */
export function ceilReplicas(count: number): number {
  // Adding 0 converts -0 to 0.
  return Math.min(Math.ceil(count), maxInt32) + 0
}
