import { describe, expect, it } from 'vitest'
import { percentile, ratios, spread } from './stats.ts'

describe('spread', () => {
  it('uses the middle value of an odd number of values', () => expect(spread([9, 1, 4])).toEqual({ min: 1, median: 4, max: 9 }))
  it('uses the mean of the two middle values of an even number', () => expect(spread([8, 1, 2, 4])).toEqual({ min: 1, median: 3, max: 8 }))
  it('sorts numerically, not as text', () => expect(spread([10, 9, 100]).median).toBe(10))
  it('rejects an empty list', () => expect(() => spread([])).toThrow(RangeError))
})

describe('percentile', () => {
  const hundred = Array.from({ length: 100 }, (_, i) => 100 - i)
  it('uses the nearest rank', () => {
    expect(percentile(hundred, 0.5)).toBe(50)
    expect(percentile(hundred, 0.99)).toBe(99)
    expect(percentile(hundred, 1)).toBe(100)
    expect(percentile(hundred, 0)).toBe(1)
  })
  it('rejects a share outside of 0 to 1', () => expect(() => percentile(hundred, 99)).toThrow('99'))
  it('rejects an empty list', () => expect(() => percentile([], 0.5)).toThrow(RangeError))
})

describe('ratios', () => {
  it('divides within each round, and omits rounds that one side lacks', () => {
    const subject = new Map([[3, 30] as const, [1, 10] as const, [2, 99] as const])
    const reference = new Map([[1, 5] as const, [3, 10] as const])
    expect(ratios(subject, reference)).toEqual([2, 3])
  })
})
