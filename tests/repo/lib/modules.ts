/** What a TypeScript module imports, and its code without comments and strings. */
import { dirname, posix } from 'node:path'
import { read } from './repo-files.ts'

export interface Import {
  /** As written: `./x.ts`, `node:fs`, `@lab/contract/metrics.ts`. */
  from: string
  /** Path from the root for relative imports and for the contract; otherwise undefined. */
  path: string | undefined
  typesOnly: boolean
}

/** @param file path from the root */
export function importsOf(file: string): Import[] {
  return parseImports(file, read(file))
}

/** Static and dynamic imports and re-exports of a module's text. */
export function parseImports(file: string, text: string): Import[] {
  const code = withoutComments(text)
  const fixed = [...code.matchAll(/^\s*(?:import|export)\s+(type\s)?(?:[^'";]*?\sfrom\s+)?['"]([^'"]+)['"]/gm)]
  const dynamic = [...code.matchAll(/\bimport\(\s*['"]([^'"]+)['"]/g)]
  return [
    ...fixed.map(([, type, from = '']) => ({ from, path: resolved(file, from), typesOnly: type !== undefined })),
    ...dynamic.map(([, from = '']) => ({ from, path: resolved(file, from), typesOnly: false })),
  ]
}

/** The module's code alone, so that a word in a comment or a text is not taken for a use. */
export function codeOf(file: string): string {
  return codeIn(read(file))
}

/** As codeOf, of a text. Templates stay, since they hold code. */
export function codeIn(text: string): string {
  return withoutComments(text).replaceAll(/'(?:[^'\\\n]|\\.)*'|"(?:[^"\\\n]|\\.)*"/g, "''")
}

function resolved(file: string, from: string): string | undefined {
  if (from.startsWith('.')) return posix.normalize(posix.join(dirname(file), from))
  return from.startsWith('@lab/contract/') ? from.replace('@lab/contract/', 'contract/src/') : undefined
}

/** Strings are kept as they are, for `//` in one begins no comment. */
function withoutComments(text: string): string {
  return text.replaceAll(/'(?:[^'\\\n]|\\.)*'|"(?:[^"\\\n]|\\.)*"|\/\*[\s\S]*?\*\/|\/\/[^\n]*/g, (part) =>
    part.startsWith('/') ? '' : part,
  )
}
