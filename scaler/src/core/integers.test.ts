import { expect, test } from 'vitest'
import { ceilReplicas, percentInt32, saturatingSumInt64, sumInt64, sumOrLargestInt64 } from './integers.ts'

const largest = 2n ** 63n - 1n

test('percentages are exact for numbers that doubles cannot represent', () => {
  expect(percentInt32(10n ** 16n - 1n, 10n ** 16n)).toBe(99)
  expect(percentInt32(7n, 3n)).toBe(233)
})

test('sums wrap around or saturate like an int64', () => {
  expect(sumInt64([largest, 1n])).toBe(-(2n ** 63n))
  expect(saturatingSumInt64([largest, 1n, 1n])).toBe(largest)
  expect(saturatingSumInt64([largest, 1n, -5n])).toBe(largest)
  expect(saturatingSumInt64([-5n, 1n])).toBe(-4n)
  expect(saturatingSumInt64([])).toBe(0n)
})

test('a negative intermediate sum is treated as an overflow', () => {
  expect([[-1n], [-1n, 5n], [5n, -6n, 9n], [largest, 1n]].map(sumOrLargestInt64)).toEqual([largest, largest, largest, largest])
  expect([[5n, -1n], [5n, -5n], []].map(sumOrLargestInt64)).toEqual([4n, 0n, 0n])
})

test('replicas are rounded up, are never -0, and are at most the largest int32', () => {
  expect([1.0000001, 2, -0.5, 1e300].map(ceilReplicas)).toEqual([2, 2, 0, 2 ** 31 - 1])
})
