/** Every fault that the embedded lab has, with --check, those of a replica at once, each on one of its own: what is said beforehand comes true. */
import { execa } from 'execa'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { faultNames, faults } from './core/faults.ts'

const replicas = 6
const startsWithinMs = 60_000
const root = new URL('..', import.meta.url).pathname
const state = `${root}reports/chaos-embedded`
const lab = execa(
  'node',
  ['embedded/src/main.ts', '--port', '0', '--page-port', '0', '--replicas', String(replicas), '--state', state, '--valkey', 'none'],
  {
    cwd: root,
    reject: false,
    stdin: 'ignore',
    timeout: 240_000,
  },
)
let page = ''

/** Runs it as a person does. */
const chaos = (...args: string[]) =>
  execa('node', ['chaos/main.ts', ...args, '--embedded', page], { cwd: root, reject: false, stdin: 'ignore', timeout: 120_000 })

beforeAll(async () => {
  page = await new Promise<string>((resolve, reject) => {
    let said = ''
    lab.stdout.on('data', (data) => {
      said += String(data)
      const found = /live page\s+(http:\S+)/.exec(said)?.[1]
      if (found !== undefined) resolve(found)
    })
    void lab.then(({ stderr }) => reject(new Error(`the embedded lab ended: ${stderr}`)))
  })
  // Nobody but the faults changes the replicas.
  await fetch(`${page}/api/pause`, { method: 'POST', body: JSON.stringify({ paused: true }) })
}, startsWithinMs)

afterAll(async () => {
  lab.kill('SIGINT')
  expect((await lab).exitCode).toBe(0)
}, startsWithinMs)

const names = faultNames.filter((name) => 'embedded' in faults[name].seconds)

async function allReady(): Promise<void> {
  const { replicas: there } = (await (await fetch(`${page}/api/state`)).json()) as { replicas: { state: string }[] }
  expect(there.map((one) => one.state)).toEqual(Array.from({ length: replicas }, () => 'ready'))
}

test('those of a replica come true', { timeout: 150_000 }, async () => {
  const chosen = names.filter((name) => faults[name].hitsReplica)
  expect(chosen).toHaveLength(replicas)
  const runs = await Promise.all(chosen.map((name, index) => chaos(name, '--replica', `ws-${index + 1}`, '--check', '--for', '20s')))
  for (const { exitCode, stdout, stderr } of runs) expect(exitCode, `${stdout}\n${stderr}`).toBe(0)
  await allReady()
})

test('those of the lab as a whole come true', { timeout: 150_000 }, async () => {
  const chosen = names.filter((name) => !faults[name].hitsReplica)
  expect(chosen).toEqual(['slow-network', 'scrape-gap'])
  const runs = await Promise.all(chosen.map((name) => chaos(name, '--check')))
  for (const { exitCode, stdout, stderr } of runs) expect(exitCode, `${stdout}\n${stderr}`).toBe(0)
  await allReady()
})

test('ends by itself when nobody comes back for it', { timeout: 60_000 }, async () => {
  const running = chaos('pause', '--replica', 'ws-6', '--for', '8s')
  const stateOf = async () => {
    const { replicas: there } = (await (await fetch(`${page}/api/state`)).json()) as { replicas: { id: string; state: string }[] }
    return there.find(({ id }) => id === 'ws-6')?.state
  }
  await expect.poll(stateOf, { timeout: 20_000, interval: 200 }).toBe('silent')
  running.kill('SIGKILL')
  await running
  await expect.poll(stateOf, { timeout: 20_000, interval: 200 }).toBe('ready')
})

test('what it does not have is refused in one line', async () => {
  const { exitCode, stderr } = await chaos('valkey-down')
  expect(exitCode).toBe(2)
  expect(stderr).toBe(`chaos: valkey-down: not on the embedded lab, which has ${names.join(', ')}`)
})
