/** The command itself, as a process: it starts, says what it is, and leaves no process behind, however it ends. */
import { once } from 'node:events'
import { createServer } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { paths } from '@lab/contract/endpoints.ts'
import { expect, onTestFinished, test } from 'vitest'
import { findValkey } from '../src/valkey-server.ts'
import * as run from './lab-process.ts'
import { childrenOf, isAlive, noneLeft } from './lab-process.ts'

async function command(...options: string[]): Promise<run.Started> {
  const started = await run.command(...options)
  onTestFinished(started.end)
  return started
}

async function lab(...options: string[]) {
  const started = await run.lab(...options)
  onTestFinished(started.end)
  return started
}

test('starts in under 20 s, says what it is, serves both pages, and ends with Ctrl-C', async () => {
  const { output, entry, page, state, family, process: main, exited } = await lab('--load', '50', '--time-scale', '20')
  expect(output()).toContain('no Traefik, Prometheus, Grafana')
  expect(output()).not.toMatch(/Failed/)
  // Two replicas, the load, and the guard.
  expect(family).toHaveLength(4)
  expect((await fetch(page)).headers.get('content-type')).toMatch(/html/)
  expect((await fetch(entry + paths.health)).status).toBe(200)
  await expect.poll(async () => (await state()).load.open, { timeout: 20_000 }).toBe(50)
  await expect.poll(async () => (await state()).scaler.words, { timeout: 20_000 }).toMatch(/25 connections for each replica/)
  main.kill('SIGINT')
  expect(await exited).toBe(0)
  await noneLeft(family, 5_000)
  expect(output()).not.toMatch(/killed|without being asked|while ending/)
}, 90_000)

test.skipIf(findValkey() === undefined)(
  'with a store installed, replicas share it, sockets move to a new one, and nothing is left',
  async () => {
    // An empty address is none that is given.
    const { output, page, state, process: main, exited } = await lab('--valkey', '', '--load', '40')
    expect(output()).toMatch(/store +a (valkey|redis)-server of its own/)
    const family = await childrenOf(main.pid)
    const post = (path: string, body: object) => fetch(page + path, { method: 'POST', body: JSON.stringify(body) })
    await post('/api/pause', { paused: true })
    await expect.poll(async () => (await state()).load.open, { timeout: 20_000 }).toBe(40)
    await post('/api/replicas', { count: 3 })
    await expect
      .poll(async () => (await state()).replicas.map(({ connections }) => connections > 0), { timeout: 60_000 })
      .toEqual([true, true, true])
    // The load driver tells of it a moment after the replica does.
    await expect.poll(async () => (await state()).load.moves, { timeout: 20_000 }).toBeGreaterThan(0)
    expect(await state()).toMatchObject({ shared: true, storeUp: true, load: { lost: 0 } })
    main.kill('SIGINT')
    expect(await exited).toBe(0)
    await noneLeft(family, 5_000)
  },
  120_000,
)

test('a replica and a load driver that hang do not keep it from ending', async () => {
  const { family, process: main, exited, output, state } = await lab()
  const [hanging] = (await state()).replicas
  // Again and again: a lab that ends lets who was paused go on, and this is to hang as a busy loop would.
  const hang = setInterval(() => {
    for (const pid of family.filter(isAlive)) process.kill(pid, 'SIGSTOP')
  }, 50)
  onTestFinished(() => clearInterval(hang))
  await sleep(200)
  main.kill('SIGINT')
  expect(await exited).toBe(0)
  clearInterval(hang)
  expect(output()).toContain(`${hanging?.id} did not leave within`)
  // The guard hangs as well, and is the last.
  for (const pid of family.filter(isAlive)) process.kill(pid, 'SIGCONT')
  await noneLeft(family, 5_000)
}, 90_000)

test('a second Ctrl-C ends what hangs at once', async () => {
  const { family, process: main, exited, state } = await lab()
  for (const pid of family) if (pid !== Math.min(...family)) process.kill(pid, 'SIGSTOP')
  expect((await state()).replicas).toHaveLength(2)
  main.kill('SIGINT')
  main.kill('SIGTERM')
  const began = performance.now()
  expect(await exited).toBe(0)
  expect(performance.now() - began).toBeLessThan(10_000)
  await noneLeft(family, 5_000)
}, 90_000)

test('a lab that is killed takes its processes with it, those that hang too', async () => {
  const { family, process: main, exited } = await lab()
  // All but the guard, which is started first.
  for (const pid of family) if (pid !== Math.min(...family)) process.kill(pid, 'SIGSTOP')
  main.kill('SIGKILL')
  expect(await exited).toBe('SIGKILL')
  await noneLeft(family, 5_000)
}, 90_000)

test('who ends it while it starts leaves nothing behind', async () => {
  const { process: main, exited, output } = await command('--replicas', '4')
  await expect.poll(output, { timeout: 20_000, interval: 5 }).toContain('starting 4 replicas')
  const family = await childrenOf(main.pid)
  main.kill('SIGINT')
  await exited
  await noneLeft(family, 10_000)
}, 60_000)

test('says in one line which port is taken, and how to take another', async () => {
  const taken = createServer().listen(0, '127.0.0.1')
  await once(taken, 'listening')
  onTestFinished(() => void taken.close())
  const { port } = taken.address() as { port: number }
  for (const option of ['--port', '--page-port']) {
    const { exited, output } = await command(option, String(port))
    expect(await exited).toBe(1)
    expect(output()).toContain(`port ${port} is in use: give another with --port or --page-port, or 0 for any free one`)
  }
}, 60_000)

test.each([
  [['--replicas', '0'], 'Allowed is a whole number from 1 to 20'],
  [['--load', 'many'], 'Allowed is a whole number from 0 to 5000'],
  [['--hpa', 'nowhere.yaml'], '--hpa nowhere.yaml: ENOENT'],
  [['--hpa', 'package.json'], 'package.json'],
  [['--valkey', 'localhost'], 'VALKEY_URL=(hidden): allowed is what matches'],
  [['--valkey', 'valkey://:secret@127.0.0.1:1'], '--valkey 127.0.0.1:1: does not answer the replicas'],
])(
  '%j is refused with %s',
  async (options, text) => {
    const { exited, output } = await command(...options)
    expect(await exited).toBe(1)
    expect(output()).toContain(text)
  },
  30_000,
)
