/**
 * Checks that a blue-green deploy closes no socket without a goodbye message: green starts and receives all new connections, and blue
 * drains.
 * A version that fails its first checks or its canary analysis is rolled back.
 * When a deploy command is killed, another command finishes the deploy.
 */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import { colourHeader, otherColour, paths, replicaHeader, services } from '@lab/contract/endpoints.ts'
import { docker } from '@lab/host/docker.ts'
import { replicaName } from '@lab/host/replicas.ts'
import { until } from '@lab/host/until.ts'
import { colourOf } from '@lab/lab/compose/deploy/state.ts'
import type { RolloutRecord } from '@lab/lab/compose/rollout/store.ts'
import type { Report } from '@lab/prove/core/report.ts'
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest'
import { addFigure } from '../lib/figures.ts'
import { root } from './lib/compose-file.ts'
import { openSocketGroup, type SocketGroup } from './lib/crowd.ts'
import { restoreReplicas, startLab } from './lib/lab-command.ts'
import { containers, environmentOf, scaleTo, url } from './lib/stack.ts'

const stack = inject('stack')
/** The maximum duration of a deploy in seconds, with a margin for other programs that may be using the machine. */
const deployWithinSeconds = 400
const folder = `${root}reports/${stack.project}`
/** A deploy writes the live colour to .env, so the tests use a separate file instead of the user's .env. */
const envFile = `${folder}/deploy.env`
const env = { ...environmentOf(stack), COMPOSE_DISABLE_ENV_FILE: '0', COMPOSE_ENV_FILES: envFile }

const start = (args: readonly string[], more: Record<string, string> = {}) =>
  startLab(stack, args, { env: { ...env, ...more }, withinMs: deployWithinSeconds * 1000 })

const lab = async (args: readonly string[], more?: Record<string, string>) => {
  const { exitCode, all = '' } = await start(args, more)
  return { exitCode, said: all }
}

const replicas = () => containers(stack, services.ws)
const ids = async () => (await replicas()).map(({ Id }) => Id)
const colours = async () => (await replicas()).map(colourOf)
const namesOf = async (colour: string) =>
  (await replicas())
    .filter((one) => colourOf(one) === colour)
    .map(({ Config }) => replicaName(Config.Labels))
    .sort()
const record = () => JSON.parse(readFileSync(`${folder}/rollout/record.json`, 'utf8')) as RolloutRecord

/** Returns the colour that is not live; requires that all replicas have the same colour. */
const idleColour = async () => otherColour((await colours())[0] ?? 'blue')

/** Sends the given number of requests without cookies, and returns the names of the replicas that responded. */
async function answering(requests: number, headers: Record<string, string> = {}): Promise<string[]> {
  const found = new Set<string>()
  for (let left = requests; left > 0; left--) {
    const answer = await fetch(url(stack, 'LAB_PORT', paths.health), { headers: { connection: 'close', ...headers } })
    await answer.body?.cancel()
    found.add(answer.headers.get(replicaHeader) ?? '')
  }
  return [...found]
}

/**
 * Maintains thirty sockets, each of which sends ten messages a second, and replaces the oldest socket twice a second.
 * @returns a function that closes all sockets
 */
function exchange(): () => void {
  const sockets: WebSocket[] = []
  const to = url(stack, 'LAB_PORT', paths.ws).replace('http', 'ws')
  const opening = setInterval(() => {
    sockets.push(new WebSocket(to))
    if (sockets.length > 30) sockets.shift()?.close()
  }, 500)
  const sending = setInterval(() => {
    for (const socket of sockets)
      if (socket.readyState === WebSocket.OPEN) socket.send(JSON.stringify({ type: 'message', id: crypto.randomUUID(), data: 'canary' }))
  }, 100)
  return () => {
    clearInterval(opening)
    clearInterval(sending)
    for (const socket of sockets) socket.close()
  }
}

beforeAll(async () => {
  await restoreReplicas(stack)
  await scaleTo(stack, 3)
  // Another test file may have left a rollout record behind, which would affect the tests in this file.
  await rm(`${folder}/rollout`, { recursive: true, force: true })
  mkdirSync(folder, { recursive: true })
  writeFileSync(envFile, '')
}, 240_000)
afterAll(async () => {
  // A failed test may leave an unfinished deploy behind, whose routing file and record must be deleted.
  await rm(`${root}traefik/dynamic/deploy-${stack.project}.yaml`, { force: true })
  await rm(`${folder}/rollout`, { recursive: true, force: true })
  await restoreReplicas(stack)
}, 180_000)

describe('bad input says one line and changes nothing', () => {
  test.each([
    [['deploy'], 2, "missing required argument 'colour'"],
    [['deploy', 'red'], 2, 'allowed choices are blue, green'],
    [['deploy', 'blue'], 1, 'blue is live already'],
    [['deploy', 'green', '--weight', '101'], 2, 'a whole number from 0 to 100'],
    [['deploy', 'green', '--weight', '-1'], 2, 'a whole number from 0 to 100'],
    [['deploy', 'green', '--image', 'no-such-image:1'], 1, 'there is no image no-such-image:1 on this machine'],
    [['deploy', 'switch'], 1, 'there is no other colour to switch to'],
    [['deploy', 'rollback'], 1, 'nothing to roll back'],
    [['deploy', 'cleanup'], 1, 'nothing to clean up'],
  ] as const)('%j', { timeout: 150_000 }, async (args, code, words) => {
    const before = await ids()
    const { exitCode, said } = await lab(args)
    expect(said).toContain(words)
    expect(said.trim().split('\n')).toHaveLength(1)
    expect(exitCode).toBe(code)
    expect(await ids()).toEqual(before)
    expect(readFileSync(envFile, 'utf8')).toBe('')
  })

  test('without a lab', async () => {
    const { exitCode, said } = await lab(['deploy', 'green'], { COMPOSE_PROJECT_NAME: `${stack.project}-none` })
    expect([exitCode, said.trim()]).toEqual([1, `lab: no replica of the project ${stack.project}-none runs; start the lab: ./lab up`])
  })
})

describe('a switch, with 60 sockets open', () => {
  let crowd: SocketGroup

  beforeAll(async () => {
    crowd = await openSocketGroup(stack, 60)
  }, 120_000)
  afterAll(() => crowd?.close())

  test('--dry-run shows the seven steps, and does nothing', { timeout: deployWithinSeconds * 1000 }, async () => {
    const before = await ids()
    const { exitCode, said } = await lab(['deploy', 'green', '--dry-run'])
    expect(exitCode, said).toBe(0)
    expect(said).toContain('LAB_COLOUR: "" -> "green"')
    expect(said).toMatch(/7\. remove blue/)
    expect(await ids()).toEqual(before)
  })

  test('a version that ends at once is taken back, and no old replica is touched', { timeout: deployWithinSeconds * 1000 }, async () => {
    const before = await ids()
    const startedAt = performance.now()
    const { exitCode, said } = await lab(['deploy', 'green', '--set', 'MAX_CONNECTIONS=nonsense'])
    addFigure('deployRollbackSeconds', (performance.now() - startedAt) / 1000)
    expect(exitCode, said).toBe(1)
    expect(said).toMatch(/error: ws-\d+ ended .*MAX_CONNECTIONS.*; rolling back to blue/)
    expect(said).toContain('service "ws" rolled back to blue')
    expect(await ids()).toEqual(before)
    expect(readFileSync(envFile, 'utf8')).toBe('')
    expect(record().events).toContainEqual(expect.objectContaining({ type: 'Warning', reason: 'ReplicaFailed' }))
    expect(crowd.resumed).toBe(0)
  })

  test('--weight 0 waits with a checked green that gets no public traffic', { timeout: deployWithinSeconds * 1000 }, async () => {
    const { exitCode, said } = await lab(['deploy', 'green', '--weight', '0'])
    expect(exitCode, said).toBe(0)
    expect(said).toMatch(/1\/7 start 3 green[\s\S]*2\/7 health check[\s\S]*3\/7 smoke test[\s\S]*ready, without public traffic/)
    expect((await colours()).sort()).toEqual(['blue', 'blue', 'blue', 'green', 'green', 'green'])
    expect((await answering(12)).sort()).toEqual(await namesOf('blue'))
    expect((await answering(12, { [colourHeader]: 'green' })).sort()).toEqual(await namesOf('green'))
    expect(await lab(['deploy', 'status'])).toMatchObject({
      exitCode: 1,
      said: expect.stringContaining('0 % of new connections go to green'),
    })
    for (const args of [
      ['deploy', 'green'],
      ['rollout', 'restart'],
      ['rollout', 'resume'],
      ['scale', '4'],
    ])
      expect((await lab(args)).said).toContain('the deploy of green is not finished; ./lab deploy switch continues it')
    // Rebalancing considers only replicas of the same colour, so no client was asked to move to the green replicas.
    expect(crowd.resumed).toBe(0)
  })

  test('killed while the old colour drains, and ended by deploy switch', { timeout: 2 * deployWithinSeconds * 1000 }, async () => {
    const before = await namesOf('blue')
    const running = start(['deploy', 'switch'])
    await until('the first old replica drains', async () => (await namesOf('blue')).length < before.length, {
      withinMs: deployWithinSeconds * 1000,
    })
    running.kill('SIGKILL')
    await running
    const status = await lab(['deploy', 'status'])
    expect(status).toMatchObject({
      exitCode: 1,
      said: expect.stringContaining('no command carries it out: ./lab deploy switch continues it'),
    })
    const startedAt = performance.now()
    const { exitCode, said } = await lab(['deploy', 'switch'])
    addFigure('deploySwitchSeconds', (performance.now() - startedAt) / 1000)
    expect(exitCode, said).toBe(0)
    expect(said).toContain('7/7 clean up: service "ws" is green')
    expect(await colours()).toEqual(['green', 'green', 'green'])
    expect(readFileSync(envFile, 'utf8')).toBe('LAB_COLOUR=green\n')
  })

  test('nobody was cut off, and each moved once', () => {
    expect(crowd.mishaps.join('\n')).toBe('')
    addFigure('deployMovesPerSocket', crowd.resumed / 60)
    expect(crowd.resumed / 60).toBeGreaterThanOrEqual(1)
    expect(crowd.resumed / 60).toBeLessThanOrEqual(1.1)
  })

  test('a plain docker compose up finds nothing to change', { timeout: 150_000 }, async () => {
    const before = await ids()
    await docker(['compose', 'up', '--detach', '--no-deps', '--no-build', services.ws], { env, withinSeconds: 90 })
    expect(await ids()).toEqual(before)
  })
})

test('--keep leaves the old colour without sockets, and rollback returns to it', { timeout: 2 * deployWithinSeconds * 1000 }, async () => {
  const green = await ids()
  const both = await lab(['deploy', 'blue', '--keep'])
  expect(both.exitCode, both.said).toBe(0)
  expect(both.said).toContain('green stays without traffic')
  expect((await ids()).slice(0, 3)).toEqual(green)
  expect((await answering(12)).sort()).toEqual(await namesOf('blue'))
  expect((await lab(['rollout', 'restart'])).said).toContain('green still runs without traffic')
  const running = start(['deploy', 'rollback'])
  const startedAt = performance.now()
  const [one] = await namesOf('green')
  await until('green answers', async () => (await answering(1)).some((name) => name !== '' && name === one), {
    withinMs: 60_000,
    everyMs: 50,
  })
  addFigure('deployReturnSeconds', (performance.now() - startedAt) / 1000)
  const { exitCode, all } = await running
  expect(exitCode, all).toBe(0)
  expect(await ids()).toEqual(green)
  expect(readFileSync(envFile, 'utf8')).toBe('LAB_COLOUR=green\n')
})

describe('a canary', () => {
  let stop = () => {}
  beforeAll(() => {
    stop = exchange()
  })
  afterAll(() => stop())

  test('with errors is rolled back', { timeout: deployWithinSeconds * 1000 }, async () => {
    const before = await ids()
    const written = readFileSync(envFile, 'utf8')
    const args = ['deploy', await idleColour(), '--weight', '50', '--analysis', '60s', '--set', 'MAX_MESSAGES_PER_SECOND=5']
    const { exitCode, said } = await lab(args)
    expect(exitCode, said).toBe(1)
    expect(said).toMatch(/error: the canary failed: errors [\d.]+ % of messages against 0\.0 %; allowed is 1\.0 %; rolling back to /)
    expect(await ids()).toEqual(before)
    expect(readFileSync(envFile, 'utf8')).toBe(written)
  })

  test('that does as well goes on', { timeout: deployWithinSeconds * 1000 }, async () => {
    const colour = await idleColour()
    // The next test needs replicas without rebalancing, which would move connections in addition to those that the deploy moves.
    const { exitCode, said } = await lab(['deploy', colour, '--weight', '50', '--analysis', '20s', '--set', 'REBALANCE=off'])
    expect(exitCode, said).toBe(0)
    expect(said).toMatch(/canary: 50 % of new connections go to \w+ for 20 s[\s\S]*canary: passed: [\s\S]*4\/7 switch[\s\S]*7\/7 clean up/)
    expect(await colours()).toEqual([colour, colour, colour])
  })
})

test('600 sockets in rooms lose, double and reorder nothing, and move 1.1 times at most', { timeout: 700_000 }, async () => {
  const args = ['prove', '--sockets', '600', '--replicas', '3', '--faults', 'deploy', '--minutes', '1.5', '--rate', '50', '--seed', '4']
  const ran = await startLab(stack, args, { env, withinMs: 680_000 })
  expect(ran.exitCode, ran.all).toBe(0)
  const report = JSON.parse(readFileSync(`${folder}/prove.json`, 'utf8')) as Report
  expect(report.verdict).toMatchObject({ pass: true, faults: { deploy: 1 }, drops: { unexplained: {} } })
  const { explained } = report.verdict.drops
  const moves = Object.entries(explained).reduce((sum, [why, count]) => (why.startsWith('deploy: ') ? sum + count : sum), 0)
  addFigure('proveDeploy', { ...report.verdict.counts, movesPerSocket: moves / 600, explained, faults: report.faults })
  expect(moves / 600).toBeGreaterThanOrEqual(1)
  expect(moves / 600).toBeLessThanOrEqual(1.1)
})
