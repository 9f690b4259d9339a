import fc from 'fast-check'
import { expect, test } from 'vitest'
import { overLimit, storableRooms } from './budgets.ts'

/** Returns the sizes of the connections that `overLimit` selects from connections of the given sizes. */
const closedOf = (sizes: readonly number[], limit: number) =>
  overLimit(new Map(sizes.map((size) => [{ size }, null])), ({ size }) => size, limit).map(({ size }) => size)

test('closes no connection while the total is within the limit', () => {
  expect(closedOf([], 0)).toEqual([])
  expect(closedOf([3, 4, 3], 10)).toEqual([])
})

test('closes the largest users first, and no more than necessary', () => {
  expect(closedOf([1, 50, 2, 40, 3], 46)).toEqual([50])
  expect(closedOf([1, 50, 2, 40, 3], 45)).toEqual([50, 40])
})

test('the remaining total is within the limit, and closing one fewer would exceed it', () => {
  fc.assert(
    fc.property(fc.array(fc.nat(1000)), fc.nat(20_000), (sizes, limit) => {
      const sum = (some: readonly number[]) => some.reduce((total, size) => total + size, 0)
      const closed = closedOf(sizes, limit)
      expect(sum(sizes) - sum(closed)).toBeLessThanOrEqual(limit)
      if (closed.length > 0) expect(sum(sizes) - sum(closed.slice(0, -1))).toBeGreaterThan(limit)
      expect(closed).toEqual([...sizes].sort((a, b) => b - a).slice(0, closed.length))
    }),
  )
})

test('a nearly full store accepts only sessions with few rooms', () => {
  const stats = (memoryBytes: number, memoryLimitBytes = 1000) => ({ clients: 1, commands: 1, memoryBytes, memoryLimitBytes })
  expect(storableRooms(undefined, 100)).toBe(100)
  expect(storableRooms(stats(799), 100)).toBe(100)
  expect(storableRooms(stats(800), 100)).toBe(10)
  expect(storableRooms(stats(800), 3)).toBe(3)
  expect(storableRooms(stats(800, 0), 100)).toBe(100)
})
