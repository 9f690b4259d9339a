/**
 * Runs every fault of the embedded lab with the `--check` option. Faults that affect a single replica run at the same time, each on a
 * different replica.
 */
import { embeddedPaths } from '@lab/contract/embedded-api.ts'
import { lab as startLab } from '@lab/embedded/test/lab-process.ts'
import { faults, faultsOn } from '@lab/faults/catalogue/index.ts'
import { root } from '@lab/host/root.ts'
import { execa } from 'execa'
import { afterAll, beforeAll, expect, test } from 'vitest'

const names = faultsOn('embedded')
const ofReplica = names.filter((name) => faults[name].hitsReplica)
const ofLab = names.filter((name) => !faults[name].hitsReplica)
const replicas = ofReplica.length
let lab: Awaited<ReturnType<typeof startLab>>

/** Runs the `chaos` command as a user would. */
const chaos = (...args: string[]) =>
  execa('node', ['tools/cli/src/main.ts', 'chaos', ...args, '--on', 'embedded', '--page', lab.page], {
    cwd: root,
    reject: false,
    stdin: 'ignore',
    timeout: 120_000,
  })

beforeAll(async () => {
  lab = await startLab('--replicas', String(replicas))
  // The scaler is paused, so that only the faults add or remove replicas.
  await fetch(lab.page + embeddedPaths.pause, { method: 'POST', body: JSON.stringify({ paused: true }) })
}, 60_000)

afterAll(async () => {
  lab.process.kill('SIGINT')
  expect(await lab.exited).toBe(0)
}, 60_000)

async function allAsExpected(runs: readonly ReturnType<typeof chaos>[]): Promise<void> {
  for (const { exitCode, stdout, stderr } of await Promise.all(runs)) expect(exitCode, `${stdout}\n${stderr}`).toBe(0)
  expect((await lab.state()).replicas.map(({ state }) => state)).toEqual(Array.from({ length: replicas }, () => 'ready'))
}

test('all expectations of faults that affect a replica are met', { timeout: 150_000 }, async () => {
  expect(replicas).toBeGreaterThan(4)
  await allAsExpected(ofReplica.map((name, index) => chaos(name, '--replica', `ws-${index + 1}`, '--check', '--for', '20s')))
})

test('all expectations of faults that affect the whole lab are met', { timeout: 150_000 }, async () => {
  expect(ofLab).toContain('slow-network')
  await allAsExpected(ofLab.map((name) => chaos(name, '--check')))
})

test('a disturbance ends by itself if the command is killed', { timeout: 60_000 }, async () => {
  const victim = (await lab.state()).replicas.at(-1)?.id ?? ''
  const running = chaos('pause', '--replica', victim, '--for', '8s')
  const state = async () => (await lab.state()).replicas.find(({ id }) => id === victim)?.state
  await expect.poll(state, { timeout: 20_000, interval: 200 }).toBe('silent')
  running.kill('SIGKILL')
  await running
  await expect.poll(state, { timeout: 20_000, interval: 200 }).toBe('ready')
})

test('Ctrl-C ends a fault early, and undoes it', { timeout: 60_000 }, async () => {
  const victim = (await lab.state()).replicas.at(-1)?.id ?? ''
  const running = chaos('pause', '--replica', victim, '--for', '5m')
  const state = async () => (await lab.state()).replicas.find(({ id }) => id === victim)?.state
  await expect.poll(state, { timeout: 20_000, interval: 200 }).toBe('silent')
  running.kill('SIGINT')
  expect((await running).exitCode).toBe(130)
  await expect.poll(state, { timeout: 5_000, interval: 200 }).toBe('ready')
})

test.each([
  [['valkey-down'], `chaos: valkey-down: not possible on a lab of kind embedded, which supports ${names.join(', ')}`],
  [['pause', '--replica', 'ws-99'], /^chaos: --replica ws-99: allowed are the ready replicas: ws-/],
  [['slow-network', '--replica', 'ws-1'], 'chaos: --replica: slow-network does not affect a single replica'],
  [['nonsense'], /allowed are kill, pause, /],
])('chaos %j is refused in one line', async (args, line) => {
  const { exitCode, stderr } = await chaos(...args)
  expect(exitCode).toBe(2)
  expect(stderr).toMatch(line)
  expect(stderr.split('\n')).toHaveLength(1)
})
