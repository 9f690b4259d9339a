/** A new user's first two minutes: clone, the two commands of the README, a scaling event on the page. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { execa } from 'execa'
import { expect, onTestFinished, test } from 'vitest'
import { commandBlocks } from '../../tests/stack/lib/command-blocks.ts'
import type { Snapshot } from '../src/snapshot.ts'

const root = fileURLToPath(new URL('../../', import.meta.url))
/** What the README promises. Milliseconds. */
const firstMinutes = 120_000

test('from clone to a scaling event with the two commands of the README, in under two minutes', async () => {
  const blocks = commandBlocks(['README.md']).filter(({ commands }) => commands.includes('npm start'))
  expect(blocks.map(({ commands }) => commands)).toEqual(['npm ci\nnpm start\n'])
  const folder = await mkdtemp(join(tmpdir(), 'fresh-clone-'))
  onTestFinished(() => rm(folder, { recursive: true, force: true }))
  const began = performance.now()
  await execa('git', ['clone', '--quiet', '--depth', '1', `file://${root}`, folder])

  // Free ports, for others may run a lab here; a process group of its own, for Ctrl-C goes to all of it.
  const env = { ...process.env, LAB_PORT: '0', GRAFANA_PORT: '0' }
  const shell = spawn('bash', ['-euc', blocks[0]?.commands ?? ''], { cwd: folder, env, detached: true, stdio: ['ignore', 'pipe', 'pipe'] })
  const exited = once(shell, 'exit')
  onTestFinished(async () => {
    if (shell.exitCode === null && shell.signalCode === null) process.kill(-(shell.pid ?? 0), 'SIGKILL')
    await exited
  })
  let output = ''
  for (const stream of [shell.stdout, shell.stderr]) stream.on('data', (data) => (output += data))
  const page = () => /live page +(http\S+)/.exec(output)?.[1]
  await expect.poll(() => page() ?? output, { timeout: firstMinutes }).toMatch(/^http/)

  await fetch(`${page()}/api/load`, { method: 'POST', body: JSON.stringify({ sockets: 500 }) })
  const state = async () => (await (await fetch(`${page()}/api/state`)).json()) as Snapshot
  await expect.poll(async () => (await state()).scaler.current, { timeout: firstMinutes, interval: 250 }).toBeGreaterThan(2)
  const took = performance.now() - began
  console.info(`clone, install, start, scaled: ${(took / 1000).toFixed(1)} s`)
  expect(took).toBeLessThan(firstMinutes)

  process.kill(-(shell.pid ?? 0), 'SIGINT')
  await exited
  await expect(fetch(`${page()}/api/state`)).rejects.toThrow()
}, 300_000)
