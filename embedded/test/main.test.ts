/** Tests that `npm start` starts the lab, lists its parts, and leaves no child process behind, however the command ends. */

import { once } from 'node:events'
import { createServer } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { embeddedPaths } from '@lab/contract/embedded-api.ts'
import { paths } from '@lab/contract/endpoints.ts'
import { expect, onTestFinished, test } from 'vitest'
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

test('starts in under 20 s, names its parts, serves both pages, and ends with Ctrl-C', async () => {
  const { output, entry, page, state, family, process: main, exited } = await lab('--load', '50', '--time-scale', '20')
  expect(output()).toContain('no Traefik, Prometheus, Grafana')
  expect(output()).not.toMatch(/Failed/)
  // The lab has four child processes: two replicas, the load driver and the guard.
  expect(family).toHaveLength(4)
  expect((await fetch(page)).headers.get('content-type')).toMatch(/html/)
  expect((await fetch(entry + paths.health)).status).toBe(200)
  await expect.poll(async () => (await state()).load.open, { timeout: 20_000 }).toBe(50)
  await expect.poll(async () => (await state()).scaler.words, { timeout: 20_000 }).toMatch(/= 25 per replica/)
  main.kill('SIGINT')
  expect(await exited).toBe(0)
  await noneLeft(family, 5_000)
  expect(output()).not.toMatch(/killed|unexpectedly|while ending/)
}, 90_000)

test('replicas share a store with nothing installed, sockets move to a new replica, and no message is lost', async () => {
  // An empty --valkey address has the same effect as omitting the option.
  const { output, page, state, process: main, exited } = await lab('--valkey', '', '--load', '40')
  expect(output()).toMatch(/store +in this process: rooms span replicas/)
  const family = await childrenOf(main.pid)
  const post = (path: string, body: object) => fetch(page + path, { method: 'POST', body: JSON.stringify(body) })
  await post(embeddedPaths.pause, { paused: true })
  await expect.poll(async () => (await state()).load.open, { timeout: 20_000 }).toBe(40)
  await post(embeddedPaths.replicas, { count: 3 })
  await expect
    .poll(async () => (await state()).replicas.map(({ connections }) => connections > 0), { timeout: 60_000 })
    .toEqual([true, true, true])
  // When a socket moves to another replica, the load driver reports the move slightly later than that replica reports the socket.
  await expect.poll(async () => (await state()).load.moves, { timeout: 20_000 }).toBeGreaterThan(0)
  expect(await state()).toMatchObject({ shared: true, storeUp: true, load: { lost: 0 } })
  main.kill('SIGINT')
  expect(await exited).toBe(0)
  await noneLeft(family, 5_000)
}, 120_000)

test('a hanging replica and a hanging load driver do not prevent the lab from ending', async () => {
  const { family, process: main, exited, output, state } = await lab()
  const [hanging] = (await state()).replicas
  // SIGSTOP is sent repeatedly, because the lab resumes stopped replicas when it shuts down, but these processes must keep hanging.
  const hang = setInterval(() => {
    for (const pid of family.filter(isAlive)) process.kill(pid, 'SIGSTOP')
  }, 50)
  onTestFinished(() => clearInterval(hang))
  await sleep(200)
  main.kill('SIGINT')
  expect(await exited).toBe(0)
  clearInterval(hang)
  expect(output()).toContain(`${hanging?.id} did not leave within`)
  // The guard process also received SIGSTOP, and exits only after SIGCONT.
  for (const pid of family.filter(isAlive)) process.kill(pid, 'SIGCONT')
  await noneLeft(family, 5_000)
}, 90_000)

test('a second Ctrl-C ends hanging processes at once', async () => {
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

test('the child processes of a killed lab are ended, hanging ones too', async () => {
  const { family, process: main, exited } = await lab()
  // Stops every child process except the guard, which should have the lowest process id because it was started first.
  for (const pid of family) if (pid !== Math.min(...family)) process.kill(pid, 'SIGSTOP')
  main.kill('SIGKILL')
  expect(await exited).toBe('SIGKILL')
  await noneLeft(family, 5_000)
}, 90_000)

test('a signal during the start leaves no process behind', async () => {
  const { process: main, exited, output } = await command('--replicas', '4')
  await expect.poll(output, { timeout: 20_000, interval: 5 }).toContain('starting 4 replicas')
  const family = await childrenOf(main.pid)
  main.kill('SIGINT')
  await exited
  await noneLeft(family, 10_000)
}, 60_000)

test('reports in one line which port is in use, and how to choose another', async () => {
  const taken = createServer().listen(0, '127.0.0.1')
  await once(taken, 'listening')
  onTestFinished(() => void taken.close())
  const { port } = taken.address() as { port: number }
  for (const option of ['--port', '--page-port']) {
    const { exited, output } = await command(option, String(port))
    expect(await exited).toBe(1)
    expect(output()).toBe(`${option} ${port}: in use by another program; give another port, or 0 for any free port\n`)
  }
  const twice = await command('--port', '65123', '--page-port', '65123')
  expect(await twice.exited).toBe(1)
  expect(twice.output()).toBe('--page-port 65123: --port has the same port\n')
}, 60_000)

test('a lab that is already running is reported before anything is started', async () => {
  const { page, entry } = await lab()
  const ports = ['--port', new URL(entry).port, '--page-port', new URL(page).port]
  const { exited, output } = await command(...ports)
  expect(await exited).toBe(1)
  expect(output().trim().split('\n')).toEqual([
    `--port ${ports[1]}: in use by a lab that is already running; give another port, or 0 for any free port`,
    `--page-port ${ports[3]}: in use by a lab that is already running; give another port, or 0 for any free port`,
  ])
}, 60_000)

test.each([
  [['--replicas', '0'], 'allowed is a whole number from 1 to 20'],
  [['--load', 'many'], 'allowed is a whole number from 0 to 5000'],
  [['--hpa', 'nowhere.yaml'], '--hpa nowhere.yaml: cannot be read: ENOENT'],
  [['--hpa', 'package.json'], 'package.json'],
  [['--state', 'package.json/x'], '--state package.json/x: ENOTDIR'],
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
