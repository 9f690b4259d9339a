/** Reads expectation files: a load, and what an autoscaler must do under it. Pure. */
import { failure, type Result, success } from '@lab/contract/result.ts'
import { allowedDurations, readDuration } from '@lab/host/durations.ts'
import { milliOf, parseQuantity, quantityFormat } from '@lab/scaler/core/quantities.ts'
import { z } from 'zod'
import { objectsIn } from './documents.ts'

const allowedMoments = `${allowedDurations}, and 0s`
const moment = z
  .union([z.string(), z.literal(0)], { error: `allowed are ${allowedMoments}` })
  .refine((text) => /^0s?$/.test(String(text)) || readDuration(String(text)) !== undefined, { error: `allowed are ${allowedMoments}` })
  .transform((text) => readDuration(String(text)) ?? 0)
const duration = z
  .string({ error: `allowed are ${allowedDurations}` })
  .refine((text) => readDuration(text) !== undefined, { error: `allowed are ${allowedDurations}` })
  .transform((text) => readDuration(text) ?? 0)
const milli = z
  .union([z.string(), z.number()], { error: `allowed is ${quantityFormat}` })
  .refine((text) => (parseQuantity(String(text))?.nano ?? -1n) >= 0n, { error: `allowed is ${quantityFormat}, not below 0` })
  .transform((text) => milliOf(parseQuantity(String(text)) ?? { nano: 0n }))
const count = z.int({ error: 'allowed is a whole number from 0' }).min(0, { error: 'allowed is a whole number from 0' })
const text = z.string({ error: 'must be a text' })

/** Returns the schema of a mapping whose error messages list the allowed fields. */
function fields<Shape extends z.ZodRawShape>(shape: Shape) {
  const allowed = Object.keys(shape).join(', ')
  return z.strictObject(shape, {
    error: (issue) =>
      issue.code === 'unrecognized_keys'
        ? `unknown field ${(issue.keys as string[]).join(', ')}; allowed are ${allowed}`
        : `must be a mapping with ${allowed}`,
  })
}

/** The kinds of expectations. Each expectation has exactly one of them. */
const bounds = fields({ atLeast: count.optional(), atMost: count.optional() }).refine(
  ({ atLeast, atMost }) => atLeast !== undefined || atMost !== undefined,
  { error: 'set atLeast, atMost or both' },
)
const kinds = {
  replicas: bounds.optional(),
  ready: bounds.optional(),
  changes: fields({ atMost: count, in: duration.optional() }).optional(),
  aboveTarget: fields({ longest: moment.optional(), total: moment.optional() })
    .refine(({ longest, total }) => longest !== undefined || total !== undefined, { error: 'set longest, total or both' })
    .optional(),
  replicaSeconds: fields({ atMost: count }).optional(),
}
const kindNames = Object.keys(kinds) as (keyof typeof kinds)[]

const expectation = fields({
  name: text.optional(),
  after: moment.optional(),
  within: duration.optional(),
  until: moment.optional(),
  ...kinds,
})
  .refine((one) => kindNames.filter((kind) => one[kind] !== undefined).length === 1, {
    error: `set exactly one of ${kindNames.join(', ')}`,
  })
  .refine(({ within, replicas, ready }) => within === undefined || replicas !== undefined || ready !== undefined, {
    error: 'within is allowed only with replicas and ready; for changes, use changes.in',
  })
  .refine(({ within, until }) => within === undefined || until === undefined, { error: 'set within or until, not both' })

const point = fields({ at: moment, value: milli })
const curve = z
  .array(point, { error: 'must be a list of points, each with at and value' })
  .min(1, { error: 'must have at least one point' })
  .refine((points) => points.every(({ at }, i) => i === 0 || at >= (points[i - 1]?.at ?? 0)), {
    error: 'the points must be in the order of time',
  })

const schema = fields({
  hpa: text.optional(),
  load: fields({
    curves: z.record(z.string(), curve, { error: 'must be a mapping from metric names to curves' }),
    length: duration.optional(),
    delay: moment.optional(),
  }).optional(),
  workload: fields({
    replicas: count.optional(),
    start: moment.optional(),
    requests: z.record(z.string(), milli, { error: 'must be a mapping from resources to quantities' }).optional(),
  }).optional(),
  expect: z.array(expectation, { error: 'must be a list of expectations' }).min(1, { error: 'must have at least one expectation' }),
})

export type Expectations = z.infer<typeof schema>
export type Expectation = z.infer<typeof expectation>
export type Curve = z.infer<typeof curve>

/** Parses an expectation file. Each problem is one line with the file, the line, the field and what is allowed. */
export function readExpectations(text: string, file: string): Result<Expectations> {
  const objects = objectsIn(text, file)
  if (!objects.ok) return objects
  const [object, second] = objects.value
  if (object === undefined || second !== undefined) return failure(`${file}:1: must have one document with load and expect`)
  const parsed = schema.safeParse(object.value)
  if (parsed.success) return success(parsed.data)
  // An unknown field is often a misspelt one, so the errors that follow from it are not reported.
  const unknown = parsed.error.issues.filter(({ code }) => code === 'unrecognized_keys')
  return failure(
    ...(unknown.length > 0 ? unknown : parsed.error.issues).map((issue) => {
      const path = issue.code === 'unrecognized_keys' ? [...issue.path, ...issue.keys.slice(0, 1)] : issue.path
      return `${file}:${object.lineOf(fieldOf(path))}: ${fieldOf(issue.path) || 'document'}: ${issue.message}`
    }),
  )
}

function fieldOf(path: readonly PropertyKey[]): string {
  return path
    .map((key) => (typeof key === 'number' ? `[${key}]` : `.${String(key)}`))
    .join('')
    .replace(/^\./, '')
}

/** Returns the name of an expectation: the given one, or a sentence that states it. */
export function expectationName({
  name,
  after,
  within,
  until,
  replicas,
  ready,
  changes,
  aboveTarget,
  replicaSeconds,
}: Expectation): string {
  if (name !== undefined) return name
  const when = [
    ...(after === undefined ? [] : [`from ${after} s`]),
    ...(within === undefined ? [] : [`within ${within} s`]),
    ...(until === undefined ? [] : [`until ${until} s`]),
  ].join(' ')
  const counted = replicas ?? ready
  const what = [
    ...(counted === undefined
      ? []
      : [
          `${boundsText(counted)} ${ready === undefined ? '' : 'ready '}${(counted.atMost ?? counted.atLeast) === 1 ? 'replica' : 'replicas'}`,
        ]),
    ...(changes === undefined
      ? []
      : [
          `${changes.atMost === 0 ? 'no changes' : `at most ${changes.atMost} ${changes.atMost === 1 ? 'change' : 'changes'}`}${changes.in === undefined ? '' : ` in any ${changes.in} s`}`,
        ]),
    ...(aboveTarget?.longest === undefined ? [] : [`never above the target for more than ${aboveTarget.longest} s`]),
    ...(aboveTarget?.total === undefined ? [] : [`above the target for at most ${aboveTarget.total} s in total`]),
    ...(replicaSeconds === undefined ? [] : [`at most ${replicaSeconds.atMost} replica-seconds`]),
  ].join(' and ')
  return when === '' ? what : `${what} ${when}`
}

/** Returns the bounds as a text such as "2 to 4". */
export function boundsText({ atLeast, atMost }: { readonly atLeast?: number | undefined; readonly atMost?: number | undefined }): string {
  if (atLeast === atMost) return `exactly ${atLeast}`
  if (atMost === undefined) return `at least ${atLeast}`
  return atLeast === undefined ? `at most ${atMost}` : `${atLeast} to ${atMost}`
}
