import fc from 'fast-check'
import { expect, test } from 'vitest'
import { readTraceparent, writeTraceparent } from './traceparent.ts'

const hex = (length: number) =>
  fc.string({ unit: fc.constantFrom(...'0123456789abcdef'), minLength: length, maxLength: length }).filter((text) => !/^0+$/.test(text))

test('a formatted header is parsed to the same value', () => {
  fc.assert(
    fc.property(fc.record({ traceId: hex(32), spanId: hex(16), sampled: fc.boolean() }), (parent) => {
      expect(readTraceparent(writeTraceparent(parent))).toEqual(parent)
    }),
  )
})

const id = '0af7651916cd43dd8448eb211c80319c'
const span = 'b7ad6b7169203331'

test.each([
  ['an absent header', undefined],
  ['another text', 'x'],
  ['a header in capitals', `00-${id.toUpperCase()}-${span}-01`],
  ['a trace id of zeros', `00-${'0'.repeat(32)}-${span}-01`],
  ['a span id of zeros', `00-${id}-${'0'.repeat(16)}-01`],
  ['the forbidden version', `ff-${id}-${span}-01`],
  ['an additional field in version 00', `00-${id}-${span}-01-x`],
  ['a header with a leading space', ` 00-${id}-${span}-01`],
])('%s is not a valid parent', (_what, text) => {
  expect(readTraceparent(text)).toBeUndefined()
})

test('the known fields of a later version are parsed', () => {
  expect(readTraceparent(`01-${id}-${span}-03-more`)).toEqual({ traceId: id, spanId: span, sampled: true })
})
