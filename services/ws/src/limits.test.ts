import { expect, test } from 'vitest'
import { RateLimit } from './limits.ts'

/** Requests tokens for `count` messages at the same moment, and counts how often each decision was made. */
function burst(limit: RateLimit, count: number, nowMs: number) {
  const verdicts = { pass: 0, limited: 0, abuse: 0 }
  for (let i = 0; i < count; i++) verdicts[limit.take(nowMs)]++
  return verdicts
}

test('a burst of one second of messages passes, and another one a second later', () => {
  const limit = new RateLimit(10, 0)
  expect(burst(limit, 11, 0)).toEqual({ pass: 10, limited: 1, abuse: 0 })
  expect(burst(limit, 11, 1_000)).toEqual({ pass: 10, limited: 1, abuse: 0 })
})

test('tokens are refilled evenly, up to one second of the rate', () => {
  const limit = new RateLimit(10, 0)
  burst(limit, 10, 0)
  expect(limit.take(99)).toBe('limited')
  expect(limit.take(100)).toBe('pass')
  expect(limit.take(100)).toBe('limited')
  expect(burst(limit, 20, 60_000).pass).toBe(10)
})

test('a client that stays within the rate is never limited', () => {
  const limit = new RateLimit(10, 0)
  for (let nowMs = 0; nowMs < 60_000; nowMs += 100) expect(limit.take(nowMs)).toBe('pass')
})

test('the messages of a time in which the replica did not read pass at once, in addition to the burst', () => {
  const limit = new RateLimit(10, 0)
  burst(limit, 10, 0)
  limit.credit(5_000, 5_000)
  expect(burst(limit, 60, 5_000)).toEqual({ pass: 50, limited: 10, abuse: 0 })
  limit.credit(3_000, 8_000)
  expect(burst(limit, 60, 20_000).pass).toBe(30)
  expect(burst(limit, 60, 40_000).pass).toBe(10)
})

test('the eleventh second of refusals in a row is abuse, and no message before it', () => {
  const limit = new RateLimit(10, 0)
  expect(burst(limit, 110, 0)).toEqual({ pass: 10, limited: 100, abuse: 0 })
  expect(limit.take(0)).toBe('abuse')
})

test('the count of refusals is reset once the bucket is full again', () => {
  const limit = new RateLimit(10, 0)
  burst(limit, 110, 0)
  expect(burst(limit, 110, 1_000)).toEqual({ pass: 10, limited: 100, abuse: 0 })
  // The token bucket does not fill up within half a second, so the earlier refusals still count.
  expect(burst(limit, 6, 1_500)).toEqual({ pass: 5, limited: 0, abuse: 1 })
})
