/**
 * Reads YAML as kubectl does. The file is split at lines that begin with `---`, empty documents are skipped, scalars have YAML 1.1 types,
 * and `<<` merges mappings. A duplicate key is an error, as in the API server's strict decoding.
 */
import type { Document, Node, Pair, Scalar as ScalarNode, YAMLMap } from 'yaml'
import { isAlias, isMap, isNode, isPair, isScalar, isSeq, parseAllDocuments } from 'yaml'
import { keyOf, scalarOf } from './scalar.ts'

export type Path = readonly (string | number)[]

export interface YamlDocument {
  /** The content of a document as JSON values; whole numbers beyond 2^53 are bigints. */
  readonly value: unknown
  /** Returns the offset of the value or key at a path, or that of the nearest existing parent if the path does not exist. */
  offsetOf(path: Path, part?: 'key' | 'value'): number
}

/** A syntax error in the file, with its offset. */
export class YamlError extends Error {
  readonly offset: number

  constructor(offset: number, message: string) {
    super(message)
    this.offset = offset
  }
}

/** Maximum number of values after alias expansion, and maximum nesting depth. */
const maxValues = 100_000
const maxDepth = 100

/** Characters that are not allowed in YAML. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: the pattern matches control characters
const forbidden = /[\0-\x08\x0b\x0c\x0e-\x1f\x7f-\x84\x86-\x9f\ufffe\uffff]/

/**
 * Returns the non-empty documents in a file.
 * @throws YamlError if the text is not YAML or kubectl would not accept it
 */
export function readYaml(text: string): YamlDocument[] {
  const control = forbidden.exec(text)
  if (control !== null) throw new YamlError(control.index, 'control characters are not allowed')
  // In YAML 1.1, a carriage return without a line feed ends a line, and so does the character U+0085.
  return split(text.replaceAll(/\r(?!\n)|\u0085/g, '\n')).flatMap((part) => readDocument(part) ?? [])
}

interface Part {
  readonly text: string
  readonly offset: number
}

/** Splits a file at its document separators, like YAMLReader in apimachinery. */
function split(text: string): Part[] {
  const parts: Part[] = []
  let begin = 0
  for (const { 0: line, index } of text.matchAll(/^---.*$/gm)) {
    const rest = line.slice(3).trim()
    if (rest !== '' && !rest.startsWith('#'))
      throw new YamlError(index, `a document separator must be on its own line; found "${rest}" after it`)
    parts.push({ text: text.slice(begin, index), offset: begin })
    begin = index + line.length
  }
  return [...parts, { text: text.slice(begin), offset: begin }]
}

/** Returns a document, or null if the text contains only whitespace, comments or null. */
function readDocument({ text, offset }: Part): YamlDocument | null {
  const directive = /^%/m.exec(text)
  const [document] = parsed(text, offset)
  if (directive !== null && directive.index < (document?.contents?.range?.[0] ?? text.length)) {
    throw new YamlError(offset + directive.index, 'kubectl does not support directives such as %YAML: remove the line')
  }
  if (document === undefined) return null
  const [error] = document.errors
  if (error !== undefined) throw new YamlError(offset + error.pos[0], error.message)
  const value = new Reader(document, offset).read(document.contents)
  if (value === null) return null
  return { value, offsetOf: (path, part = 'value') => offset + offsetOf(document, path, part) }
}

function parsed(text: string, offset: number): Document[] {
  try {
    // The parser is configured not to resolve scalars or merges, because its YAML 1.1 implementation differs from go-yaml's.
    const options = { schema: 'failsafe', resolveKnownTags: false, prettyErrors: false, uniqueKeys: false, logLevel: 'silent' } as const
    const documents = parseAllDocuments(text, options)
    return 'empty' in documents ? [] : documents
  } catch (error) {
    if (error instanceof RangeError) throw new YamlError(offset, `nested more than ${maxDepth} deep`)
    throw error
  }
}

/** Converts a document's nodes to values. */
class Reader {
  readonly #document: Document
  readonly #offset: number
  /** Anchors whose aliases are being expanded. */
  readonly #open = new Set<Node>()
  #values = 0

  constructor(document: Document, offset: number) {
    this.#document = document
    this.#offset = offset
  }

  read(node: unknown, depth = 0): unknown {
    if (!isNode(node)) return null
    this.#values += 1
    if (this.#values > maxValues) throw this.#error(node, `the aliases expand to more than ${maxValues} values`)
    if (depth > maxDepth) throw this.#error(node, `nested more than ${maxDepth} deep`)
    if (isAlias(node)) return this.#within(node, (target) => this.read(target, depth + 1))
    if (isMap(node)) return this.#map(node, depth)
    if (isSeq(node)) return node.items.map((item) => this.read(item, depth + 1))
    if (!isScalar(node)) throw this.#error(node, 'not a value')
    const value = this.#scalar(node)
    if (typeof value === 'number' && !Number.isFinite(value)) throw this.#error(node, `${node.source} is not supported`)
    return value
  }

  #map(node: YAMLMap, depth: number): Record<string, unknown> {
    const entries = new Map<string, unknown>()
    const add = (key: string, value: unknown, at: Node) => {
      if (entries.has(key)) throw this.#error(at, `duplicate key ${key}`)
      entries.set(key, value)
    }
    for (const { key, value } of node.items) {
      if (!isMergeKey(key)) add(this.#key(key, node), this.read(value, depth + 1), isNode(key) ? key : node)
      else for (const [name, merged] of this.#merged(value, depth + 1)) add(name, merged, key)
    }
    return Object.fromEntries(entries)
  }

  /**
   * Returns the entries that the `<<` key merges: those of a single mapping, or those of every mapping in a list. If a key occurs in
   * several merged mappings, the first mapping takes precedence.
   */
  #merged(value: unknown, depth: number): [string, unknown][] {
    const node = isAlias(value) ? value.resolve(this.#document) : value
    const sources = isSeq(node) ? node.items : [value]
    return sources.flatMap((source) => {
      const read = this.read(source, depth)
      const isMapping = typeof read === 'object' && read !== null && !Array.isArray(read)
      if (!isMapping) throw this.#error(isNode(source) ? source : this.#document.contents, '<< merges mappings, alone or in a list')
      return Object.entries(read)
    })
  }

  #key(key: unknown, map: YAMLMap): string {
    const text = keyOf(isScalar(key) ? this.#scalar(key) : this.read(key))
    if (text === null) throw this.#error(isNode(key) ? key : map, 'a key must be text, a number, or true or false')
    return text
  }

  #scalar(node: ScalarNode): ReturnType<typeof scalarOf> {
    try {
      return scalarOf(node.source ?? '', node.tag, node.type === 'PLAIN' || node.type === undefined)
    } catch (error) {
      throw this.#error(node, error instanceof Error ? error.message : String(error))
    }
  }

  #within<T>(alias: Node, read: (target: Node) => T): T {
    const target = isAlias(alias) ? alias.resolve(this.#document) : undefined
    if (target === undefined) throw this.#error(alias, 'the alias has no preceding anchor')
    if (this.#open.has(target)) throw this.#error(alias, 'the anchor contains its own alias')
    this.#open.add(target)
    const value = read(target)
    this.#open.delete(target)
    return value
  }

  #error(node: Node | null, message: string): YamlError {
    return new YamlError(this.#offset + (node?.range?.[0] ?? 0), message)
  }
}

function isMergeKey(key: unknown): key is ScalarNode {
  return isScalar(key) && key.source === '<<' && (key.type === 'PLAIN' || key.tag === 'tag:yaml.org,2002:merge')
}

function offsetOf(document: Document, path: Path, part: 'key' | 'value'): number {
  let node: unknown = document.contents
  let offset = startOf(node)
  for (const [depth, key] of path.entries()) {
    if (isAlias(node)) node = node.resolve(document)
    if (isSeq(node) && typeof key === 'number') node = node.items[key]
    else if (isMap(node)) {
      const pair = node.items.find((item): item is Pair => isPair(item) && isScalar(item.key) && item.key.source === key)
      if (pair === undefined) break
      offset = startOf(pair.key) || offset
      if (part === 'key' && depth === path.length - 1) break
      node = pair.value
    } else break
    offset = startOf(node) || offset
  }
  return offset
}

/** Returns the offset of a node, or 0 for values without a position. */
function startOf(node: unknown): number {
  return isNode(node) ? (node.range?.[0] ?? 0) : 0
}
