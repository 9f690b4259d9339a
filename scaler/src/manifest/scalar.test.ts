import { expect, test } from 'vitest'
import { scalarOf } from './scalar.ts'

/** Values that go-yaml v2.4.4 returns for unquoted scalars. */
test.each<[unknown, string[]]>([
  [8, ['010', '0o10', '0O10', '+010', '1_0'.replace('1', '01'), '08', '8.', '0.8e1', '0b1000', '0x8', '0X_8', '8.0', '8e0', '8_']],
  [10, ['1_0', '1__0', '1e1', '1E+1']],
  [-8, ['-010', '-0b1000', '-0x8']],
  [0.5, ['.5', '0.5', '+0.5', '5e-1', '+.5', '0_.5']],
  [true, ['y', 'Y', 'yes', 'Yes', 'YES', 'true', 'on', 'ON']],
  [false, ['n', 'N', 'no', 'off', 'Off', 'FALSE']],
  [null, ['', '~', 'null', 'Null', 'NULL']],
  [2n ** 63n, ['9223372036854775808']],
  [2 ** 64, ['18446744073709551616']],
])('%s', (value, texts) => {
  expect(texts.map((text) => scalarOf(text, undefined, true))).toEqual(texts.map(() => value))
})

test('other plain scalars are text', () => {
  const texts = [
    '1:30',
    '190:20:30',
    'yEs',
    'nULL',
    '0b2',
    '0o8',
    '0x',
    '1e400',
    '2001-12-14',
    '5m',
    '_1',
    '-',
    '.',
    '.5_0',
    'Infinity',
    '<<',
  ]
  expect(texts.map((text) => scalarOf(text, undefined, true))).toEqual(texts)
  expect(scalarOf('8', undefined, false)).toBe('8')
})

test('a tag determines the type, and the text must match it', () => {
  const tagged = (text: string, tag: string): unknown => scalarOf(text, `tag:yaml.org,2002:${tag}`, true)
  expect([tagged('8', 'str'), tagged('8', 'float'), tagged('yes', 'bool'), tagged('OA==', 'binary'), scalarOf('8', '!own', true)]).toEqual([
    '8',
    8,
    true,
    '8',
    '8',
  ])
  expect(() => tagged('8.0', 'int')).toThrow('"8.0" does not match its tag int')
  expect(() => tagged('x', 'null')).toThrow('does not match its tag null')
})
