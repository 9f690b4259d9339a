/** Tests the prose linter and the commit subject check, and enforces limits on the README and the root folder. */
import { readdirSync } from 'node:fs'
import { expect, test } from 'vitest'
import { findings, problems } from '../lint/prose.ts'
import { problemOf } from '../lint/subjects.ts'
import { read, root } from './lib/repo-files.ts'

test('no page, comment, text or name uses a retired word', () => {
  expect(problems()).toEqual([])
})

test.each([
  ['A client that was told to move', 1],
  ['Its connection is closed with 1012 for who stays.', 1],
  ['whoever asks', 1],
  ['It counts from the next look on.', 1],
  ['The two doors to Docker', 1],
  ['Everybody reads the part that he needs.', 1],
  ['A multi-stage image, and to look it up', 0],
  ['`told` and <https://example.org/told>', 0],
  ['```\ntold\n```\nThe client was asked to reconnect.', 0],
  ['One line\n\nwas kept.', 1],
])('%j has %i retired words', (text, count) => {
  expect(findings('page.md', text)).toHaveLength(count)
})

test.each([
  ['a.ts', '// A client that was told to move', 1],
  ['a.ts', 'const toldAtMs = 0', 1],
  ['a.ts', "log('the store was brought back')", 1],
  ['a.ts', "const url = 'https://example.org/told'", 1],
  ['a.ts', "const stages = [{ duration: '10s' }]", 0],
  ['a.yaml', 'stage: one # the next stage', 1],
  ['a.css', '/* as said */', 1],
  ['a.tf', 'name = "told" # A client that was told to move', 1],
  ['a.tf', 'description = "A client that was told to move."', 1],
])('in %s, %j has %i retired words', (path, text, count) => {
  expect(findings(path, text)).toHaveLength(count)
})

test('a finding contains its line and a suggestion', () => {
  expect(findings('page.md', 'One line\n\nwas kept.')).toEqual([{ line: 3, found: 'kept', write: 'retained, stored' }])
})

test.each([
  ['scaler: retry a failed scale-up once', undefined],
  ['prove/storm: run on both kinds of lab by the same code', undefined],
  ['tests(stack): the trace test waits for every span', undefined],
  ['One condition too many', expect.stringContaining('area: what changed')],
  ['Scaler: retry', expect.stringContaining('area: what changed')],
  ['scaler:retry', expect.stringContaining('area: what changed')],
  ['scaler: retry.', expect.stringContaining('full stop')],
  [`scaler: ${'x'.repeat(65)}`, expect.stringContaining('73 characters')],
])('the commit subject %j is checked', (subject, problem) => {
  expect(problemOf(subject)).toEqual(problem)
})

test('the README has at most 700 words and a picture', () => {
  const text = read('README.md')
  expect(text.split(/\s+/).filter(Boolean).length).toBeLessThanOrEqual(700)
  expect(text).toMatch(/^!\[[^\]]+\]\(docs\/images\/[\w/-]+\.png\)$/m)
})

test('the root has at most 15 files and 19 folders', () => {
  const local = ['.git', '.env', 'node_modules', 'coverage']
  const entries = readdirSync(root, { withFileTypes: true }).filter(({ name }) => !local.includes(name) && !name.endsWith('.log'))
  expect(entries.filter((entry) => entry.isFile()).length).toBeLessThanOrEqual(15)
  expect(entries.filter((entry) => entry.isDirectory() && !entry.name.startsWith('.')).length).toBeLessThanOrEqual(19)
})
