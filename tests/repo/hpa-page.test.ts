/** Runs the command blocks of docs/hpa-tests.md, and checks that the page lists every rule of `./lab hpa lint`. */

import { readdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { root } from '@lab/host/root.ts'
import { rules } from '@lab/hpa/core/lint.ts'
import { execa } from 'execa'
import { afterAll, describe, expect, test } from 'vitest'
import { read } from './lib/repo-files.ts'

const page = read('docs/hpa-tests.md')
const blocks = [...page.matchAll(/^```sh\n([\s\S]*?)^```/gm)].map(([, commands = '']) => commands.trim())

test('the page lists every rule in the order of the code', () => {
  expect([...page.matchAll(/^\| `([a-z]+(?:-[a-z]+)+)` \|/gm)].map(([, rule]) => rule)).toEqual(Object.keys(rules))
})

describe('the command blocks', () => {
  afterAll(() => {
    const reports = join(root, 'reports')
    for (const name of readdirSync(reports)) if (/hpa-engine/.test(name)) rmSync(join(reports, name), { recursive: true })
  })

  test.each(blocks)('%s', async (commands) => {
    const { exitCode, all } = await execa('sh', ['-ec', commands], { cwd: root, reject: false, timeout: 50_000, all: true })
    expect([exitCode, all]).toEqual([0, all])
  })
})
