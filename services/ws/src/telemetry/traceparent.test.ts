import fc from 'fast-check'
import { expect, test } from 'vitest'
import { readTraceparent, writeTraceparent } from './traceparent.ts'

const hex = (length: number) =>
  fc.string({ unit: fc.constantFrom(...'0123456789abcdef'), minLength: length, maxLength: length }).filter((text) => !/^0+$/.test(text))

test('what is written is read back', () => {
  fc.assert(
    fc.property(fc.record({ traceId: hex(32), spanId: hex(16), sampled: fc.boolean() }), (parent) => {
      expect(readTraceparent(writeTraceparent(parent))).toEqual(parent)
    }),
  )
})

const id = '0af7651916cd43dd8448eb211c80319c'
const span = 'b7ad6b7169203331'

test.each([
  ['nothing', undefined],
  ['no header', 'x'],
  ['capitals', `00-${id.toUpperCase()}-${span}-01`],
  ['a trace id of zeros', `00-${'0'.repeat(32)}-${span}-01`],
  ['a span id of zeros', `00-${id}-${'0'.repeat(16)}-01`],
  ['the version that is forbidden', `ff-${id}-${span}-01`],
  ['more than version 00 has', `00-${id}-${span}-01-x`],
  ['something before it', ` 00-${id}-${span}-01`],
])('%s is no parent', (_what, text) => {
  expect(readTraceparent(text)).toBeUndefined()
})

test('a later version is read as far as it is known', () => {
  expect(readTraceparent(`01-${id}-${span}-03-more`)).toEqual({ traceId: id, spanId: span, sampled: true })
})
