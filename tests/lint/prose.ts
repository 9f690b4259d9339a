/**
 * Checks the wording of pages, comments, strings in code, and names: `node tests/lint/prose.ts [FOLDER…]`. Exits with code 1 if a file uses
 * a retired word or phrase.
 */
import { read } from '../repo/lib/repo-files.ts'
import { blank, editedFiles, textsOf } from './texts.ts'

interface Rule {
  pattern: RegExp
  /** What to write instead of the retired word. */
  write: string
}

const rules: readonly Rule[] = [
  { pattern: /\btold\b/gi, write: 'asked to reconnect, informed' },
  { pattern: /\bdoors?\b/gi, write: 'access, entry, proxy' },
  { pattern: /\bkept\b/gi, write: 'retained, stored' },
  { pattern: /\bguests?\b/gi, write: 'client' },
  { pattern: /\b(?:worlds?|grounds?|surfaces?)\b|(?<!multi-)\bstages?\b/gi, write: 'lab, target, phase' },
  { pattern: /\b(?:sights?|(?:a|the|next|last) looks?|looks? on)\b/gi, write: 'check, observation' },
  { pattern: /\b(?:brings?|brought)\b/gi, write: 'add, cause, start' },
  { pattern: /\b(?:talks?|speech)\b/gi, write: 'conversation, encoder' },
  { pattern: /\b(?:as|not as) said\b/gi, write: 'as expected' },
  { pattern: /\bwho (?:stays|leaves|asks|comes|gets|reads)\b|\bwhoever\b/gi, write: 'the client or part that …' },
  { pattern: /\b(?:beg[aiu]ns?|begin) anew\b/gi, write: 'start a new session' },
  { pattern: /\b(?:he|him|his|she|her|hers)\b/gi, write: 'the reader, the client, they' },
  { pattern: /\bcan not\b/gi, write: 'cannot' },
]

/** Words that are also retired in identifiers. The parts of a camelCase or snake_case name count as words. */
const retiredNames = /\b(?:told|doors?|kept|guests?|talks?|brings?|brought|sights?|worlds?|whoever)\b/gi

/** The files that contain the rules and their tests; these files are not checked. */
const unchecked = ['tests/lint/prose.ts', 'tests/repo/lint.test.ts', '.ci/words.txt']

export interface Finding {
  line: number
  found: string
  write: string
}

function matches(text: string, line: number, { pattern, write }: Rule): Finding[] {
  return [...text.matchAll(pattern)].map(({ 0: found, index }) => ({
    line: line + text.slice(0, index).split('\n').length - 1,
    found,
    write,
  }))
}

/**
 * Returns the retired words that occur in a file's prose and in the names in its code. Inline code, code blocks and URLs are not checked.
 */
export function findings(path: string, content: string): Finding[] {
  const found = textsOf(path, content).flatMap(({ line, text }) => {
    const prose = text.replaceAll(/`[^`\n]*`|\]\([^)\s]*\)|https?:\/\/\S+/g, blank)
    return rules.flatMap((rule) => matches(prose, line, rule))
  })
  if (!/\.(?:ts|js|css|html)$/.test(path)) return found
  const words = content.replaceAll(/([a-z])(?=[A-Z])|_/g, '$1 ')
  const names = matches(words, 1, { pattern: retiredNames, write: 'the term of docs/glossary.md' })
  return [...found, ...names.filter(({ line }) => !found.some((one) => one.line === line))]
}

/** The findings of all files, one line each. @param folders check only these; all, when empty */
export function problems(folders: readonly string[] = []): string[] {
  const files = editedFiles().filter(
    (path) => !unchecked.includes(path) && (folders.length === 0 || folders.some((folder) => path.startsWith(folder))),
  )
  return files.flatMap((path) =>
    findings(path, read(path)).map(({ line, found, write }) => `${path}:${line}: "${found}" is retired; write: ${write}`),
  )
}

if (import.meta.main) {
  const wrong = problems(process.argv.slice(2))
  for (const line of wrong) console.error(line)
  process.exitCode = wrong.length > 0 ? 1 : 0
}
