/** Extracts the text that people read from a file: a page's prose, and the comments and multi-word strings in code. */
import { extname } from 'node:path'
import { repoFiles } from '../repo/lib/repo-files.ts'

export interface Text {
  kind: 'comment' | 'string' | 'page'
  /** The line number of the first character of the text, starting at 1. */
  line: number
  text: string
}

const script =
  /(\/\*[\s\S]*?\*\/|(?<![:'"`\\])\/\/[^\n]*(?:\n[ \t]*\/\/[^\n]*)*)|('(?:\\.|[^'\\\n])*'|"(?:\\.|[^"\\\n])*"|`(?:\\.|[^`\\])*`)/g
const hash = /((?<=^|\s)#(?![!:])[^\n]*(?:\n\s*#[^\n]*)*)/gm
const styles = /(\/\*[\s\S]*?\*\/)/g
const terraform = /((?<=^|\s)#[^\n]*(?:\n\s*#[^\n]*)*)|((?<=(?:description|error_message) *= )"(?:\\.|[^"\\\n])*")/gm
const markup = /(<!--[\s\S]*?-->)|((?<=>)[^<>{}]+(?=<))/g

const patterns: Readonly<Record<string, RegExp>> = {
  '.ts': script,
  '.js': script,
  '.mjs': script,
  '.css': styles,
  '.html': markup,
  '.yaml': hash,
  '.yml': hash,
  '.conf': hash,
  '.tf': terraform,
}

/** Lines and columns stay. */
export const blank = (part: string): string => part.replaceAll(/[^\n]/g, ' ')

/** The texts of a file in the order of their lines; none for a kind of file that has no texts for readers. */
export function textsOf(path: string, content: string): Text[] {
  if (extname(path) === '.md') return [{ kind: 'page', line: 1, text: content.replaceAll(/```[\s\S]*?```|<!--[\s\S]*?-->/g, blank) }]
  const pattern = patterns[extname(path)]
  if (pattern === undefined) return []
  return [...content.matchAll(pattern)].flatMap((match): Text[] => {
    const [whole, comment] = match
    const line = content.slice(0, match.index).split('\n').length
    if (comment !== undefined) return [{ kind: 'comment', line, text: whole }]
    return /[a-z]\S* +\S+ +\S/i.test(whole) ? [{ kind: 'string', line, text: pattern === script ? whole.slice(1, -1) : whole }] : []
  })
}

/** Returns the files that people edit, excluding samples and recorded data. Paths are relative to the repository root. */
export function editedFiles(): string[] {
  const recorded = /^docs\/(?:sample|video)\/|\/(?:recorded|fixtures|conformance)\/|^package-lock\.json$/
  return repoFiles((path) => !recorded.test(path))
}
