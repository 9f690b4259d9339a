/** Whether what was said came true: late, broken and unseen are not. */
import { expect, test } from 'vitest'
import type { Statement } from './types.ts'
import { isSettled, judge, type Observation } from './verdict.ts'

const statement = (more: Partial<Statement>): Statement => ({ phase: 'during', what: 'it shows', look: { kind: 'entry' }, ...more })
/** One look a second, from second 0: + held, - did not, ? could not be looked at. */
const looks = (text: string): Observation[] =>
  [...text].map((sign, atSeconds) => ({ atSeconds, held: sign === '?' ? undefined : sign === '+', seen: `seen ${sign}` }))

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
])('%j, %j: %s', (text, given, came, afterSeconds) => {
  expect(judge(statement(given), looks(text))).toMatchObject({ came, afterSeconds })
})

test('says what was seen last, or what broke it', () => {
  expect(judge(statement({ withinSeconds: 1 }), looks('--?')).detail).toBe('not within 1 s: seen ?')
  expect(judge(statement({}), looks('+-+')).detail).toBe('broken after 1 s: seen -')
})

test('is settled when it came, or when its time is over; what holds throughout only at the end', () => {
  expect(isSettled(statement({ withinSeconds: 3 }), looks('-'))).toBe(false)
  expect(isSettled(statement({ withinSeconds: 3 }), looks('-+'))).toBe(true)
  expect(isSettled(statement({ withinSeconds: 3, steadySeconds: 2 }), looks('-+'))).toBe(false)
  expect(isSettled(statement({ withinSeconds: 3 }), looks('-----'))).toBe(true)
  expect(isSettled(statement({}), looks('++++'))).toBe(false)
})
