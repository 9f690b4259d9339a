/**
 * Runs each demo scene on its own embedded lab. Each scene must pass within its time limit, and must print only numbers that it has
 * measured.
 */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { readEvents } from '@lab/demo/core/events.ts'
import { transcriptOf } from '@lab/demo/core/transcript.ts'
import { scenes } from '@lab/demo/scenes/index.ts'
import { execa } from 'execa'
import { expect, onTestFinished, test } from 'vitest'
import { commandBlocks } from '../stack/lib/command-blocks.ts'
import { root } from '../stack/lib/compose-file.ts'

/** Maximum duration of each scene in seconds, including the lab's start. */
const longestSeconds = 240

const run = (file: string, args: readonly string[]) =>
  execa(file, args, { cwd: root, reject: false, timeout: longestSeconds * 1000, env: { COMPOSE_PROJECT_NAME: 'nothing-of-this-name' } })

test.each(scenes)('$name', async ({ name, title }) => {
  const folder = mkdtempSync(join(tmpdir(), 'demo-'))
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
  const file = join(folder, 'events.jsonl')
  const { exitCode, stdout, stderr } = await run('node', [
    'tools/cli/src/main.ts',
    'demo',
    name,
    '--on',
    'embedded',
    '--seed',
    '7',
    '--events',
    file,
  ])
  expect(exitCode, `${stdout}\n${stderr}`).toBe(0)
  const events = readEvents(readFileSync(file, 'utf8'))
  expect(events[0]).toMatchObject({ kind: 'scene', name, title, on: 'embedded', seed: 7 })
  expect(events.at(-1)).toMatchObject({ kind: 'end', verdict: 'passed' })
  expect(transcriptOf(events).trim()).toBe(stdout.trim())
  for (const event of events) {
    if (event.kind !== 'say') continue
    const values = Object.values(event.numbers).map(({ value }) => String(value))
    expect(event.text.match(/\d+(\.\d+)?/g) ?? [], event.text).toEqual(values)
  }
  console.log(`${name}: ${events.at(-1)?.seconds} s`)
})

test('the commands of its page do what it says', async () => {
  const [block, ...others] = commandBlocks(['docs/demo.md'])
  expect(others).toEqual([])
  const { exitCode, stdout, stderr } = await run('bash', ['-euo', 'pipefail', '-c', block?.commands ?? ''])
  expect(exitCode, stderr).toBe(0)
  for (const { name, title } of scenes) expect(stdout).toMatch(new RegExp(`^${name} +${title}$`, 'm'))
  expect(stdout).toMatch(/^surge: [\s\S]*^passed: every fact was met$/m)
})
