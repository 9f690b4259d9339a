/** Tests that replicas agree on a generated secret, and that they report an unusable one. */
import { execFile } from 'node:child_process'
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, describe, expect, test } from 'vitest'
import { resumeSecret } from './resume-secret.ts'

const folder = mkdtempSync(join(tmpdir(), 'resume-secret-'))
afterAll(() => rmSync(folder, { recursive: true }))
const text = (settings: { RESUME_SECRET?: string; RESUME_SECRET_FILE?: string }) =>
  resumeSecret({ RESUME_SECRET: '', RESUME_SECRET_FILE: '', ...settings })
    .export()
    .toString()

test('RESUME_SECRET takes precedence over a file', () => {
  expect(text({ RESUME_SECRET: 'a secret of the tests', RESUME_SECRET_FILE: join(folder, 'unused') })).toBe('a secret of the tests')
  expect(readdirSync(folder)).toEqual([])
})

test('without a setting, each process has its own secret', () => {
  expect(text({})).not.toBe(text({}))
})

test('processes that start at the same time agree on the secret of the first one', async () => {
  const file = join(folder, 'shared')
  const script = `import { resumeSecret } from ${JSON.stringify(import.meta.resolve('./resume-secret.ts'))}
    console.log(resumeSecret({ RESUME_SECRET: '', RESUME_SECRET_FILE: process.argv[1] }).export().toString())`
  const start = () => promisify(execFile)(process.execPath, ['--input-type=module', '-e', script, file])
  const printed = (await Promise.all(Array.from({ length: 6 }, start))).map(({ stdout }) => stdout.trim())
  expect(new Set(printed).size).toBe(1)
  expect(printed[0]).toMatch(/^[\w-]{43}$/)
  expect(readFileSync(file, 'utf8').trim()).toBe(printed[0])
  expect(readdirSync(folder)).toEqual(['shared'])
})

describe('an error names an unusable file', () => {
  test.each([
    ['too short', 'short\n'],
    ['with several lines', 'a secret of the tests\nand another one\n'],
    ['empty', ''],
  ])('%s', (_what, content) => {
    const file = join(folder, 'bad')
    writeFileSync(file, content)
    expect(() => text({ RESUME_SECRET_FILE: file })).toThrow(`RESUME_SECRET_FILE=${file}: allowed is a file with one line`)
  })

  test('in a missing folder', () => {
    const file = join(folder, 'missing', 'secret')
    expect(() => text({ RESUME_SECRET_FILE: file })).toThrow(`RESUME_SECRET_FILE=${file}: ENOENT`)
  })
})
