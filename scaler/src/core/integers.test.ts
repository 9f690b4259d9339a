import { expect, test } from 'vitest'
import { ceilReplicas, percentInt32, saturatingSumInt64, sumInt64 } from './integers.ts'

const largest = 2n ** 63n - 1n

test('a whole percent is exact where doubles are not', () => {
  expect(percentInt32(10n ** 16n - 1n, 10n ** 16n)).toBe(99)
  expect(percentInt32(7n, 3n)).toBe(233)
})

test('sums are those of an int64', () => {
  expect(sumInt64([largest, 1n])).toBe(-(2n ** 63n))
  expect(saturatingSumInt64([largest, 1n, 1n])).toBe(largest)
  expect(saturatingSumInt64([])).toBe(0n)
})

test('replicas are rounded up, never -0, and stop at the largest int32', () => {
  expect([1.0000001, 2, -0.5, 1e300].map(ceilReplicas)).toEqual([2, 2, 0, 2 ** 31 - 1])
})
