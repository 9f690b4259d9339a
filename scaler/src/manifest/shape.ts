/**
 * Building blocks for schemas that decode JSON as Go does: a field that is null counts as absent, and null in a list or map becomes the
 * element type's zero value.
 */
import { z } from 'zod'
import type { Quantity } from '../core/quantities.ts'
import { parseQuantity, quantityFormat } from '../core/quantities.ts'

export const int32 = z.int32({ error: 'must be a whole number that fits 32 bits' })
export const text = z.string({ error: 'must be a string' })
export const flag = z.boolean({ error: 'must be true or false' })

const fits64Bits = 'must be a whole number that fits 64 bits'
export const int64 = z.union(
  [
    z.int(),
    z
      .bigint()
      .min(-(2n ** 63n))
      .max(2n ** 63n - 1n),
  ],
  { error: fits64Bits },
)

export function list<Schema extends z.ZodType>(schema: Schema, zero: unknown) {
  return z.array(
    z.preprocess((value) => value ?? zero, schema),
    { error: 'must be a list' },
  )
}

export const texts = list(text, '')

export const textMap = z.record(
  z.string(),
  z.preprocess((value) => value ?? '', text),
  { error: 'must be a mapping of strings' },
)

const timeFormat = /^(\d{4}-\d\d-\d\d)T([01]?\d|2[0-3]):[0-5]\d:[0-5]\d([.,]\d+)?(Z|[+-]([01]\d|2[0-3]):[0-5]\d)$/

/** A timestamp in RFC 3339 format. */
export const time = text.refine(
  (value) => {
    const [, date] = timeFormat.exec(value) ?? []
    const at = new Date(`${date}T00:00:00Z`)
    // Date would convert a non-existent day, such as 31 February, to a day in the next month.
    return !Number.isNaN(at.getTime()) && at.toISOString().slice(0, 10) === date
  },
  { error: 'must be a time such as 2026-01-31T15:04:05Z' },
)

/** A quantity; spaces around it are ignored. */
export const quantity = z
  .union([z.string(), z.number(), z.bigint()], { error: `must be ${quantityFormat}` })
  .transform((value, context): Quantity => {
    const parsed = parseQuantity(String(value).replaceAll(/^[ \u00a0]+|[ \u00a0]+$/g, ''))
    if (parsed !== null) return parsed
    context.addIssue({ code: 'custom', message: `must be ${quantityFormat}` })
    return z.NEVER
  })
