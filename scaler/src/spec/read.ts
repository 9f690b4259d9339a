/** From the text of a file to a HorizontalPodAutoscaler, or every problem with its line and column. Reads no file itself. */
import type { Document, Node } from 'yaml'
import { isMap, isNode, isPair, isScalar, isSeq, LineCounter, parseAllDocuments } from 'yaml'
import type { z } from 'zod'
import type { FeatureGates, HorizontalPodAutoscaler } from '../core/types.ts'
import { fieldErrorText } from './field-error.ts'
import { toHpa } from './to-hpa.ts'
import { v2Schema } from './v2.ts'
import { validateDocument } from './validate.ts'

export interface Problem {
  readonly file: string
  /** Counted from 1. */
  readonly line: number
  readonly column: number
  readonly message: string
}

export type ReadResult = { readonly hpa: HorizontalPodAutoscaler } | { readonly problems: readonly Problem[] }

type Path = readonly (string | number)[]

/** Reads one autoscaling/v2 document. `file` is for the messages. */
export function readHpa(text: string, file: string, gates: FeatureGates): ReadResult {
  const lines = new LineCounter()
  const problemAt = (offset: number, message: string): Problem => {
    const { line, col } = lines.linePos(offset)
    return { file, line: Math.max(line, 1), column: Math.max(col, 1), message }
  }
  const documents = parseAllDocuments(text, { lineCounter: lines, prettyErrors: false })
  const [document, second] = 'empty' in documents ? [] : documents
  if (document === undefined) return { problems: [problemAt(0, 'the file holds no document; expected one HorizontalPodAutoscaler')] }
  if (document.errors.length > 0) return { problems: document.errors.map(({ pos, message }) => problemAt(pos[0], message)) }
  if (second !== undefined) {
    return { problems: [problemAt(second.range[0], 'expected one HorizontalPodAutoscaler, found a second document')] }
  }

  const plain = plainOf(document)
  if ('error' in plain) return { problems: [problemAt(0, plain.error)] }
  const parsed = v2Schema.safeParse(plain.value)
  if (!parsed.success) {
    return { problems: parsed.error.issues.flatMap((issue) => shapeProblems(issue, document, problemAt)) }
  }
  const errors = validateDocument(parsed.data, gates)
  if (errors.length === 0) return { hpa: toHpa(parsed.data) }
  const problems = errors.map((error) => problemAt(offsetOf(document, pathOf(error.field)), fieldErrorText(error)))
  const seen = new Set<string>()
  return { problems: problems.filter(({ message }) => !seen.has(message) && seen.add(message)) }
}

/** Aliases that multiply beyond the parser's bound are refused. */
function plainOf(document: Document): { value: unknown } | { error: string } {
  try {
    return { value: document.toJS() }
  } catch (error) {
    return { error: error instanceof Error ? error.message : String(error) }
  }
}

/** `file:line:column: message`, as compilers print it. */
export function problemText({ file, line, column, message }: Problem): string {
  return `${file}:${line}:${column}: ${message}`
}

function shapeProblems(issue: z.core.$ZodIssue, document: Document, problemAt: (offset: number, message: string) => Problem): Problem[] {
  const path = issue.path.filter((key) => typeof key !== 'symbol')
  if (issue.code !== 'unrecognized_keys') {
    const message = issue.code === 'invalid_type' && issue.expected === 'object' ? 'must be a mapping of fields' : issue.message
    return [problemAt(offsetOf(document, path), `${fieldText(path)}: ${message}`)]
  }
  return issue.keys.map((key) => {
    const allowed = fieldsAt(path)
    const hint = allowed.length > 0 ? `; allowed here: ${allowed.join(', ')}` : ''
    return problemAt(offsetOf(document, [...path, key], 'key'), `${fieldText([...path, key])}: unknown field${hint}`)
  })
}

/** The fields the schema knows at a path. */
function fieldsAt(path: Path): string[] {
  let schema: unknown = v2Schema
  for (const key of path) {
    const inner = unwrap(schema)
    schema = typeof key === 'number' ? propertyOf(inner, 'element') : propertyOf(propertyOf(inner, 'shape'), key)
  }
  const shape = propertyOf(unwrap(schema), 'shape')
  return typeof shape === 'object' && shape !== null ? Object.keys(shape) : []
}

/** Through optional() and nullable() to the schema itself. */
function unwrap(schema: unknown): unknown {
  let inner = schema
  for (let depth = 0; depth < 4; depth += 1) {
    const next = propertyOf(propertyOf(inner, 'def'), 'innerType')
    if (next === undefined) break
    inner = next
  }
  return inner
}

function propertyOf(value: unknown, key: string): unknown {
  return typeof value === 'object' && value !== null ? Reflect.get(value, key) : undefined
}

/** Where the node at the path begins; where there is none, its nearest parent. */
function offsetOf(document: Document, path: Path, part: 'key' | 'value' = 'value'): number {
  let offset = startOf(document.contents)
  let node: unknown = document.contents
  for (const [depth, key] of path.entries()) {
    if (isSeq(node) && typeof key === 'number') node = node.items[key]
    else if (isMap(node)) {
      const pair = node.items.find((item) => isPair(item) && isScalar(item.key) && item.key.value === key)
      if (pair === undefined) break
      offset = isNode(pair.key) ? startOf(pair.key) : offset
      if (part === 'key' && depth === path.length - 1) break
      node = pair.value
    } else break
    if (isNode(node) && node.range) offset = node.range[0]
  }
  return offset
}

function startOf(node: Node | null): number {
  return node?.range?.[0] ?? 0
}

/** spec.metrics[0].type → ['spec', 'metrics', 0, 'type'] */
function pathOf(field: string): Path {
  return [...field.matchAll(/([^.[\]]+)/g)].map(([part]) => (/^\d+$/.test(part) ? Number(part) : part))
}

function fieldText(path: Path): string {
  const text = path.map((key) => (typeof key === 'number' ? `[${key}]` : `.${key}`)).join('')
  return text === '' ? 'document' : text.replace(/^\./, '')
}
