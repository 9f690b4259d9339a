/** Tests a new user's first two minutes: a clone, the two commands from the README, and a scaling event on the live page. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { type EmbeddedState, embeddedPaths } from '@lab/contract/embedded-api.ts'
import { execa } from 'execa'
import { expect, onTestFinished, test } from 'vitest'
import { commandBlocks } from '../stack/lib/command-blocks.ts'

const root = fileURLToPath(new URL('../../', import.meta.url))
/** The maximum time from the clone to a scaling event, in milliseconds. */
const firstMinutes = 120_000

/**
 * Returns PATH without the folders that npm has added for this test. The commands then run on the Node version that is installed on this
 * machine, as for a new user, instead of the Node 24 of this checkout. The nightly workflow runs this test on Node 20.
 */
function pathOfUser(): string {
  const folders = (process.env.PATH ?? '').split(delimiter)
  return folders.filter((folder) => !folder.includes('node_modules') && !folder.includes('node-gyp-bin')).join(delimiter)
}

test('from clone to a scaling event with the two commands of the README, in under two minutes', async () => {
  const blocks = commandBlocks(['README.md']).filter(({ commands }) => commands.includes('npm start'))
  expect(blocks.map(({ commands }) => commands)).toEqual(['npm ci\nnpm start\n'])
  const folder = await mkdtemp(join(tmpdir(), 'fresh-clone-'))
  onTestFinished(() => rm(folder, { recursive: true, force: true }))
  const node = await execa('node', ['--version'], { env: { PATH: pathOfUser() } })
  const began = performance.now()
  await execa('git', ['clone', '--quiet', '--depth', '1', `file://${root}`, folder])

  // The test uses free ports, because another lab may be running.
  // The commands run in their own process group, because Ctrl-C signals a whole process group.
  const env = { ...process.env, PATH: pathOfUser(), LAB_PORT: '0', GRAFANA_PORT: '0' }
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

  await fetch(page() + embeddedPaths.load, { method: 'POST', body: JSON.stringify({ sockets: 500 }) })
  const state = async () => (await (await fetch(page() + embeddedPaths.state)).json()) as EmbeddedState
  await expect.poll(async () => (await state()).scaler.current, { timeout: firstMinutes, interval: 250 }).toBeGreaterThan(2)
  const took = performance.now() - began
  console.info(`Node ${node.stdout}: clone, install, start, scaled: ${(took / 1000).toFixed(1)} s`)
  expect(took).toBeLessThan(firstMinutes)

  process.kill(-(shell.pid ?? 0), 'SIGINT')
  await exited
  await expect(fetch(page() + embeddedPaths.state)).rejects.toThrow()
}, 300_000)
