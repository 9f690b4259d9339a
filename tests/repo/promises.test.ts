/** Checks that each promise in docs/promises.md is on its page, and that its test exists. */
import { promises } from '@lab/generate/promises.ts'
import { describe, expect, test } from 'vitest'
import { read } from './lib/repo-files.ts'

/** Words that make a sentence of the README a promise. */
const promising = /\b(never|no message|at most|less than|within|refused|only)\b/

const oneLine = (text: string) => text.replaceAll(/\s+/g, ' ')

describe.each(promises)('$page: $text', ({ page, text, file, test: name }) => {
  test('is on its page', () => {
    expect(oneLine(read(page))).toContain(text)
  })

  test('has an existing test', () => {
    expect(read(file)).toContain(name)
  })
})

test('every sentence of the README that promises something is listed', () => {
  const prose = read('README.md').replaceAll(/```[\s\S]*?```/g, '')
  const sentences = oneLine(prose).split(/(?<=[.:]) /)
  const listed = promises.filter(({ page }) => page === 'README.md').map(({ text }) => text.replace(/\.$/, ''))
  expect(sentences.filter((sentence) => promising.test(sentence) && !listed.some((text) => sentence.includes(text)))).toEqual([])
})
