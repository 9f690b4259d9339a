/** Parses a price file, and reports every problem with its line and column. Pure. */
import { isMap, isNode, isScalar, LineCounter, type Node, parseDocument } from 'yaml'
import { z } from 'zod'

const price = z.number('must be a number').nonnegative('must not be negative')
const share = z.number('must be a number').positive('must be more than 0')
const text = z.string('must be a text').min(1, 'must not be empty')

const schema = z.strictObject({
  currency: text,
  source: text,
  perVcpuHour: price,
  perGibHour: price,
  request: z.strictObject({ vcpu: share, gib: share }),
})

/** The resource prices, and the resource requests of one replica. */
export type Prices = z.infer<typeof schema>

export type ReadPrices = { ok: true; prices: Prices } | { ok: false; problems: string[] }

const allowed: Record<string, string> = {
  '': Object.keys(schema.shape).join(', '),
  request: Object.keys(schema.shape.request.shape).join(', '),
}

/** @param file file name for the error messages, which have the form `file:line:column: field: problem` */
export function readPrices(content: string, file: string): ReadPrices {
  const lines = new LineCounter()
  const at = (offset: number, message: string) => {
    const { line, col } = lines.linePos(offset)
    return `${file}:${Math.max(line, 1)}:${Math.max(col, 1)}: ${message}`
  }
  const document = parseDocument(content, { lineCounter: lines, prettyErrors: false })
  if (document.errors.length > 0) return { ok: false, problems: document.errors.map(({ pos, message }) => at(pos[0], message)) }
  const parsed = schema.safeParse(document.toJS())
  if (parsed.success) return { ok: true, prices: parsed.data }
  const problems = parsed.error.issues.flatMap((issue) => {
    const path = issue.path.map(String)
    if (issue.code === 'unrecognized_keys') {
      return issue.keys.map((key) =>
        at(
          offsetOf(document.contents, [...path, key], true),
          `${[...path, key].join('.')}: not known; allowed: ${allowed[path.join('.')]}`,
        ),
      )
    }
    const missing = issue.code === 'invalid_type' && document.getIn(path) === undefined
    const message = missing
      ? 'is missing'
      : issue.code === 'invalid_type' && issue.expected === 'object'
        ? 'must be a mapping'
        : issue.message
    return [at(offsetOf(document.contents, path, false), `${path.join('.') || 'the file'}: ${message}`)]
  })
  return { ok: false, problems }
}

/**
 * Returns the offset of the value at a path, or of its key; if the path does not exist, returns the offset of its nearest existing parent.
 */
function offsetOf(contents: Node | null, path: readonly string[], wantsKey: boolean): number {
  let node: unknown = contents
  let offset = contents?.range?.[0] ?? 0
  for (const [depth, name] of path.entries()) {
    if (!isMap(node)) break
    const pair = node.items.find(({ key }) => isScalar(key) && key.value === name)
    if (pair === undefined) break
    if (isNode(pair.key)) offset = pair.key.range?.[0] ?? offset
    if (wantsKey && depth === path.length - 1) break
    node = pair.value
    if (isNode(node)) offset = node.range?.[0] ?? offset
  }
  return offset
}
