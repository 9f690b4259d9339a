/** Parses TypeScript and JavaScript modules into syntax trees, and extracts their imports, string literals, and code without comments. */
import { dirname, posix } from 'node:path'
import { parseAst } from 'vitest/node'
import { read, repoFiles } from './repo-files.ts'

/** Paths of all modules in the repository. */
export const modules = repoFiles((path) => /\.(ts|js|mjs)$/.test(path))

/** Whether a module is used only by tests. */
export function isTest(path: string): boolean {
  return /\.test\.ts$|(^|\/)(test|tests|fakes)\//.test(path)
}

export interface Import {
  /** The import specifier: `./x.ts`, `node:fs`, `@lab/contract/metrics.ts`. */
  from: string
  /** For a relative import, the imported path relative to the repository root; otherwise undefined. */
  path: string | undefined
  line: number
  typesOnly: boolean
}

export interface Literal {
  /** The text of a string literal, or of a fixed part of a template literal. */
  value: string
  /** Start offset in the module's text; lineAt converts it to a line number. */
  start: number
}

/** A node of an ESTree syntax tree. */
export interface Node {
  type: string
  start: number
  end: number
  [key: string]: unknown
}

const trees = new Map<string, Node>()

/** Returns the syntax tree of a module. @param file the module's path, relative to the repository root */
export function treeOf(file: string): Node {
  const known = trees.get(file)
  if (known !== undefined) return known
  const tree = parse(read(file))
  trees.set(file, tree)
  return tree
}

/** Returns the syntax tree of a source text. */
export function parse(text: string): Node {
  return parseAst(text, { lang: 'ts' }) as unknown as Node
}

/** Visits every node, parents before their children. */
export function walk(node: Node, visit: (node: Node, parent: Node | undefined) => void, parent?: Node): void {
  visit(node, parent)
  for (const value of Object.values(node)) {
    for (const child of Array.isArray(value) ? value : [value]) if (isNode(child)) walk(child, visit, node)
  }
}

/**
 * Returns a module's static, dynamic and type imports, and its re-exports.
 * @param file the module's path, relative to the repository root
 */
export function importsOf(file: string): Import[] {
  return importsIn(file, read(file), treeOf(file))
}

/** Returns the imports in a source text. */
export function importsIn(file: string, text: string, tree: Node = parse(text)): Import[] {
  const found: Import[] = []
  const visit = (node: Node) => {
    const source = node.source ?? (node.type === 'TSImportType' ? node.argument : undefined)
    if (!isNode(source) || typeof source.value !== 'string') return
    if (!['ImportDeclaration', 'ExportNamedDeclaration', 'ExportAllDeclaration', 'ImportExpression', 'TSImportType'].includes(node.type))
      return
    const from = source.value
    const path = from.startsWith('.') ? posix.normalize(posix.join(dirname(file), from)) : undefined
    const typesOnly = node.type === 'TSImportType' || node.importKind === 'type' || node.exportKind === 'type'
    found.push({ from, path, line: lineAt(text, node.start), typesOnly })
  }
  // Imports within expressions or types are rare, so to save time, all nodes are visited only if the text contains `import(`.
  if (/\bimport\s*\(/.test(text)) walk(tree, visit)
  else for (const statement of tree.body as Node[]) visit(statement)
  return found
}

/** Returns every string literal in a module, except import specifiers. */
export function literalsIn(tree: Node): Literal[] {
  const found: Literal[] = []
  walk(tree, (node, parent) => {
    if (node.type === 'TemplateElement') found.push({ value: (node.value as { cooked: string }).cooked, start: node.start })
    if (node.type === 'Literal' && typeof node.value === 'string' && parent?.source !== node)
      found.push({ value: node.value, start: node.start })
  })
  return found
}

/** Returns a module's code without comments and string literals, but with its template literals, because these contain code. */
export function codeOf(file: string): string {
  return codeIn(read(file))
}

/** Returns the code in a source text, without comments and strings. */
export function codeIn(text: string): string {
  return text
    .replaceAll(/'(?:[^'\\\n]|\\.)*'|"(?:[^"\\\n]|\\.)*"|\/\*[\s\S]*?\*\/|\/\/[^\n]*/g, (part) => (part.startsWith('/') ? '' : part))
    .replaceAll(/'(?:[^'\\\n]|\\.)*'|"(?:[^"\\\n]|\\.)*"/g, "''")
}

/** Returns the line number of an offset, counting from 1. */
export function lineAt(text: string, position: number): number {
  return text.slice(0, position).split('\n').length
}

function isNode(value: unknown): value is Node {
  return typeof value === 'object' && value !== null && typeof (value as Node).type === 'string'
}
