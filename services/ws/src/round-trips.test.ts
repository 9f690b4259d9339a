/** Tests the round-trip statistics and the line chart of the test client page. */
import { expect, test } from 'vitest'
import { milliseconds, RoundTrips } from './page/round-trips.ts'

function after(...values: number[]): RoundTrips {
  const trips = new RoundTrips()
  for (const value of values) trips.add(value)
  return trips
}

test('there are no statistics without values, and no line for a single value', () => {
  expect([after().range, after().p95, after().path(10, 10)]).toEqual([undefined, undefined, ''])
  expect([after(3).range, after(3).p95, after(3).path(10, 10)]).toEqual([{ least: 3, last: 3, most: 3 }, 3, ''])
})

test('the 95th percentile is a measured value, and 5 % of the values exceed it', () => {
  expect(after(...Array.from({ length: 20 }, (_, n) => 20 - n)).p95).toBe(19)
  expect(after(1, 1, 1, 50).p95).toBe(50)
})

test('only the latest sixty values count', () => {
  const trips = after(1_000, ...Array.from({ length: 60 }, () => 2))
  expect([trips.count, trips.range?.most, trips.p95]).toEqual([60, 2, 2])
})

test('the line ends at the right edge, with the maximum at the top', () => {
  expect(after(2, 4, 1).path(59, 40)).toBe('M57.0,20.0L58.0,0.0L59.0,30.0')
  expect(after(0, 0).path(59, 40)).toBe('')
})

test.each([
  [0.44, '0.4 ms'],
  [9.96, '10.0 ms'],
  [12.4, '12 ms'],
])('%d is formatted as %s', (value, text) => expect(milliseconds(value)).toBe(text))
