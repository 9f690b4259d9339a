/**
 * Draws random sentences to measure how clear the lab's texts are: `node tests/lint/sample.ts --seed 1 [--comments 60] [--pages 40]`.
 * Readers see only the file name and the sentence, and rate it as clear, awkward or not understandable (docs/CONTRIBUTING.md).
 */
import { parseArgs } from 'node:util'
import { createRandom } from '@lab/contract/random.ts'
import { read } from '../repo/lib/repo-files.ts'
import { editedFiles, type Text, textsOf } from './texts.ts'

interface Sentence {
  path: string
  text: string
}

/** A type in braces after a JSDoc tag, with up to two levels of nested braces. */
const jsdocType = /(@[a-z]+)\s+\{(?:[^{}]|\{(?:[^{}]|\{[^{}]*\})*\})*\}/g

/** Removes comment markers and JSDoc types, which are not part of a sentence. */
function plain({ kind, text }: Text): string {
  if (kind !== 'comment') return text
  return text.replaceAll(/^\s*(?:\/\*\*?|\*\/|\*|\/\/|#)+ ?|\*\/$|^<!--|-->$/gm, '').replaceAll(jsdocType, '$1')
}

/**
 * Returns the sentences with at least four words, not counting numbers. A sentence also ends at the end of a heading, list item, table row
 * or table cell.
 */
function sentences(kind: 'comment' | 'page'): Sentence[] {
  return editedFiles().flatMap((path) =>
    textsOf(path, read(path))
      .filter((text) => text.kind === kind)
      .flatMap((text) =>
        plain(text).split(/\n\s*\n|\n(?=\s*(?:[-*|#>]|\d+\.)\s)|(?<=\s)\|(?=\s)|(?=@(?:param|returns|throws|type|typedef)\s)/),
      )
      .flatMap((block) => block.replaceAll(/\s+/g, ' ').split(/(?<=[.!?]) (?=[A-Z`])/))
      .map((text) => ({ path, text: text.replace(/^[-*#>| ]+/, '').trim() }))
      .filter(({ text }) => (text.match(/[a-z]{2,}/gi) ?? []).length >= 4 && !text.startsWith('biome-ignore')),
  )
}

function draw(all: readonly Sentence[], count: number, seed: number): Sentence[] {
  const { int } = createRandom(seed, count)
  const left = [...all]
  return Array.from({ length: Math.min(count, left.length) }, () => left.splice(int(left.length), 1)).flat()
}

const { values } = parseArgs({
  options: { seed: { type: 'string' }, comments: { type: 'string', default: '60' }, pages: { type: 'string', default: '40' } },
})
const [seed, comments, pages] = [values.seed, values.comments, values.pages].map(Number)
if (![seed, comments, pages].every(Number.isSafeInteger)) {
  console.error('usage: node tests/lint/sample.ts --seed NUMBER [--comments NUMBER] [--pages NUMBER]')
  process.exit(2)
}
const drawn = [...draw(sentences('comment'), comments ?? 0, seed ?? 0), ...draw(sentences('page'), pages ?? 0, seed ?? 0)]
for (const [i, { path, text }] of drawn.entries()) console.log(`${i + 1}\t${path}\t${text}`)
