import { describe, expect, test } from 'vitest'
import { describeStyle, getStyle, tabulate } from './tabulate.ts'
import { humanDuration, quantityText, ratioText, targetText } from './words.ts'

const second = 1000
const minute = 60 * second
const hour = 60 * minute
const day = 24 * hour
const year = 365 * day

describe('humanDuration', () => {
  // Test cases from apimachinery's unit test.
  test.each([
    [second, '1s'],
    [70 * second, '70s'],
    [190 * second, '3m10s'],
    [70 * minute, '70m'],
    [47 * hour, '47h'],
    [49 * hour, '2d1h'],
    [8 * day + 2 * hour, '8d'],
    [367 * day, '367d'],
    [2 * year + 25 * day, '2y25d'],
    [8 * year + 2 * day, '8y'],
    // Durations just below and just above each limit at which the displayed unit changes.
    [-2 * second, '<invalid>'],
    [-1 * second, '0s'],
    [-1, '0s'],
    [0, '0s'],
    [2 * minute - 1, '119s'],
    [2 * minute, '2m'],
    [10 * minute - second, '9m59s'],
    [10 * minute, '10m'],
    [3 * hour - second, '179m'],
    [3 * hour, '3h'],
    [8 * hour - minute, '7h59m'],
    [8 * hour, '8h'],
    [2 * day, '2d'],
    [8 * day - hour, '7d23h'],
    [2 * year, '2y'],
  ])('%d ms is %s', (ms, text) => {
    expect(humanDuration(ms)).toBe(text)
  })
})

describe('quantities', () => {
  test.each([
    [0, '0'],
    [500, '500m'],
    [1500, '1500m'],
    [184_000, '184'],
    [1_000_000, '1k'],
    [1_500_000, '1500'],
    [-2_000_000, '-2k'],
    [104_857_600_000, '104857600'],
    [3e18, '3P'],
  ])('%d thousandths are %s', (milli, text) => {
    expect(quantityText(milli)).toBe(text)
  })

  test.each([
    [256 * 2 ** 20 * 1000, '256Mi'],
    [2 * 2 ** 30 * 1000, '2Gi'],
    [1_024_000_000, '1024k'],
    [100_000, '100'],
    [0, '0'],
    [500, '500m'],
  ])('a target of %d thousandths is %s', (milli, text) => {
    expect(targetText(milli)).toBe(text)
  })

  test.each([
    [1, '1'],
    [0.7142857, '0.714'],
    [null, 'none'],
    [Number.POSITIVE_INFINITY, 'none'],
  ])('a ratio of %s is %s', (ratio, text) => {
    expect(ratioText(ratio)).toBe(text)
  })
})

describe('tabulate', () => {
  test('successive lines share the width of a column, and a line without the column starts a new table', () => {
    const text = 'a\tb\nlonger\tc\nno column\nx\ty'
    expect(tabulate(text, describeStyle)).toBe('a       b\nlonger  c\nno column\nx  y')
  })

  test('a column has its minimum width, and inner columns are aligned separately', () => {
    expect(tabulate('a\tb\tc\nd\te', getStyle)).toBe('a     b     c\nd     e')
    expect(tabulate('a\tlong cell\tc\nd\te', describeStyle)).toBe('a  long cell  c\nd  e')
  })
})
