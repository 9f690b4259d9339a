/** Tests how observations are compared with an expectation. Late, interrupted or missing observations do not meet an expectation. */
import { expect, test } from 'vitest'
import { isSettled, type Judged, judge, type Observation } from './judge.ts'

const expectation = (more: Partial<Judged>): Judged => ({ phase: 'during', what: 'it shows', ...more })
/** Each character describes one second, starting at second 0: + means true, - means false, and ? means that the check was impossible. */
const observations = (text: string): Observation[] =>
  [...text].map((sign, atSeconds) => ({ atSeconds, holds: sign === '?' ? undefined : sign === '+', seen: `seen ${sign}` }))

test.each([
  ['--+', { withinSeconds: 5 }, true, 2],
  ['------+', { withinSeconds: 5 }, false, null],
  ['---', { withinSeconds: 5 }, false, null],
  ['', { withinSeconds: 5 }, false, null],
  ['??+', { withinSeconds: 5 }, true, 2],
  ['???', { withinSeconds: 5 }, false, null],
  ['+-+++', { withinSeconds: 5, steadySeconds: 2 }, true, 2],
  ['++-++-', { withinSeconds: 5, steadySeconds: 2 }, false, null],
  ['+++', {}, true, null],
  ['++-', {}, false, null],
  ['+?+', {}, true, null],
  ['??', {}, false, null],
  ['', {}, false, null],
])('%j, %j: %s', (text, given, asExpected, afterSeconds) => {
  expect(judge(expectation(given), observations(text))).toMatchObject({ asExpected, afterSeconds })
})

test('reports the last observation, or the one that failed', () => {
  expect(judge(expectation({ withinSeconds: 1 }), observations('--?')).detail).toBe('not within 1 s: seen ?')
  expect(judge(expectation({}), observations('+-+')).detail).toBe('did not hold after 1 s: seen -')
})

test('is settled when the condition held or its time is over; a condition for the whole phase only at the end', () => {
  expect(isSettled(expectation({ withinSeconds: 3 }), observations('-'))).toBe(false)
  expect(isSettled(expectation({ withinSeconds: 3 }), observations('-+'))).toBe(true)
  expect(isSettled(expectation({ withinSeconds: 3, steadySeconds: 2 }), observations('-+'))).toBe(false)
  expect(isSettled(expectation({ withinSeconds: 3 }), observations('-----'))).toBe(true)
  expect(isSettled(expectation({}), observations('++++'))).toBe(false)
})
