/**
 * Checks that a rollout closes no socket without a goodbye message, and replaces replicas one by one while clients send messages.
 * A version that fails its checks is rolled back. When a rollout command is killed, another command continues the rollout.
 * A plain `docker compose up` changes nothing after a rollout.
 */
import { readFileSync, writeFileSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import { services } from '@lab/contract/endpoints.ts'
import { replicaName } from '@lab/host/replicas.ts'
import { until } from '@lab/host/until.ts'
import type { RolloutRecord } from '@lab/lab/compose/rollout/store.ts'
import type { Report } from '@lab/prove/core/report.ts'
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest'
import { addFigure } from '../lib/figures.ts'
import { root } from './lib/compose-file.ts'
import { openSocketGroup, type SocketGroup } from './lib/crowd.ts'
import { restoreReplicas, startLab } from './lib/lab-command.ts'
import { compose, containers, scaleTo } from './lib/stack.ts'

const stack = inject('stack')
/** Timeout for one rollout on a busy machine, in seconds. */
const rolloutWithinSeconds = 400

const start = (args: readonly string[], env: Record<string, string> = {}) =>
  startLab(stack, args, { env, withinMs: rolloutWithinSeconds * 1000 })

const lab = async (args: readonly string[], env?: Record<string, string>) => {
  const { exitCode, all = '' } = await start(args, env)
  return { exitCode, said: all }
}

const names = async () => (await containers(stack, services.ws)).map(({ Config }) => replicaName(Config.Labels))
const ids = async () => (await containers(stack, services.ws)).map(({ Id }) => Id)
const record = () => JSON.parse(readFileSync(`${root}reports/${stack.project}/rollout/record.json`, 'utf8')) as RolloutRecord

beforeAll(async () => {
  await restoreReplicas(stack)
  await scaleTo(stack, 3)
  // Another test file may have left a rollout record behind, which would affect the tests in this file.
  await rm(`${root}reports/${stack.project}/rollout`, { recursive: true, force: true })
}, 240_000)
afterAll(() => restoreReplicas(stack), 180_000)

describe('invalid input prints one line and changes nothing', () => {
  test.each([
    [['rollout'], 1, 'nothing to change'],
    [['rollout', '--image', 'no-such-image:1'], 1, 'there is no image no-such-image:1 on this machine'],
    [['rollout', '--set', 'lower=1'], 2, 'allowed is NAME=VALUE'],
    [['rollout', '--max-surge', '0'], 1, 'nothing to change'],
    [['rollout', 'restart', '--max-surge', '0'], 1, 'one of them must be more than 0'],
    [['rollout', 'status'], 1, 'there has been no rollout yet'],
    [['rollout', 'pause'], 1, 'there is no rollout to pause'],
    [['rollout', 'resume'], 1, 'there is no rollout to resume'],
    [['rollout', 'undo'], 1, 'nothing to undo'],
    [['rollout', 'history'], 1, 'there has been no rollout yet'],
  ] as const)('%j', async (args, code, words) => {
    const before = await ids()
    const { exitCode, said } = await lab(args)
    expect(said).toContain(words)
    expect(said.trim().split('\n')).toHaveLength(1)
    expect(exitCode).toBe(code)
    expect(await ids()).toEqual(before)
  })

  test('without a lab', async () => {
    const { exitCode, said } = await lab(['rollout'], { COMPOSE_PROJECT_NAME: `${stack.project}-none` })
    expect([exitCode, said.trim()]).toEqual([1, `lab: no replica of the project ${stack.project}-none runs; start the lab: ./lab up`])
  })
})

describe('a changed setting, with 60 sockets open', () => {
  const changed = { LOG_LEVEL: 'debug' }
  let group: SocketGroup

  beforeAll(async () => {
    group = await openSocketGroup(stack, 60)
  }, 120_000)
  afterAll(() => group?.close())

  test('doctor reports the effect of a plain up, and up refuses to start', { timeout: 180_000 }, async () => {
    const before = await ids()
    const missing = Object.keys(stack.missing)
    await until('Prometheus has scraped the sockets', async () => (await lab(['doctor'], changed)).said.includes('cut off 60 sockets'), {
      withinMs: 90_000,
    })
    const { exitCode, said } = await lab(['up', '--offline', ...(missing.length > 0 ? ['--without', ...missing] : [])], changed)
    expect(said).toMatch(/warning: a plain docker compose up would recreate 3 running replicas at once and cut off 60 sockets/)
    expect(said).toContain('./lab rollout')
    expect(exitCode).toBe(1)
    expect(await ids()).toEqual(before)
  })

  test('--dry-run prints the changes and the plan, and changes nothing', async () => {
    const before = await ids()
    const { exitCode, said } = await lab(['rollout', '--dry-run'], changed)
    expect(exitCode, said).toBe(0)
    expect(said).toContain('LOG_LEVEL: "" -> "debug"')
    expect(said.match(/drain and remove ws-/g)).toHaveLength(3)
    expect(await ids()).toEqual(before)
  })

  test('after the command was killed, status reports the progress, and resume completes the rollout', {
    timeout: 2 * rolloutWithinSeconds * 1000,
  }, async () => {
    const before = await ids()
    const running = start(['rollout'], changed)
    await until('the first old replica drains', () => drains(before), {
      withinMs: rolloutWithinSeconds * 1000,
    })
    const second = await lab(['rollout', 'restart'], changed)
    expect(second.said).toContain('a rollout is carried out by process')
    running.kill('SIGKILL')
    await running
    const status = await lab(['rollout', 'status'], changed)
    expect(status).toMatchObject({
      exitCode: 1,
      said: expect.stringContaining('no command carries it out: ./lab rollout resume continues it'),
    })
    const startedAt = performance.now()
    const resumed = await lab(['rollout', 'resume'], changed)
    addFigure('rolloutResumeSeconds', (performance.now() - startedAt) / 1000)
    expect(resumed.said).toContain('service "ws" successfully rolled out')
    expect(resumed.exitCode).toBe(0)
    const after = await ids()
    expect(after).toHaveLength(3)
    expect(after.filter((id) => before.includes(id))).toEqual([])
  })

  test('no socket was cut off, and each client moved once', () => {
    expect(group.mishaps.join('\n')).toBe('')
    addFigure('rolloutMovesPerSocket', group.resumed / 60)
    expect(group.resumed / 60).toBeGreaterThanOrEqual(1)
  })

  test('a plain docker compose up changes nothing', async () => {
    const before = await ids()
    const up = ['up', '--detach', '--no-build', services.ws]
    await compose({ ...stack, env: { ...stack.env, ...changed } }, up, { withinSeconds: 90 })
    expect(await ids()).toEqual(before)
  })

  test('undo restores the earlier revision', { timeout: rolloutWithinSeconds * 1000 }, async () => {
    const { exitCode, said } = await lab(['rollout', 'undo'])
    expect(exitCode, said).toBe(0)
    expect(record().rollout).toMatchObject({ target: 1, ended: 'complete' })
    const [one] = await containers(stack, services.ws)
    expect(one?.Config.Env).toContain('LOG_LEVEL=')
    // The running replicas match the Compose files and .env again, so a rollout has nothing to change.
    expect((await lab(['rollout'])).said).toContain('nothing to change')
  })
})

test('a version that exits at once is rolled back, and every old replica remains', { timeout: rolloutWithinSeconds * 1000 }, async () => {
  const before = await ids()
  const startedAt = performance.now()
  const { exitCode, said } = await lab(['rollout'], { MAX_CONNECTIONS: 'nonsense' })
  addFigure('rolloutRollbackSeconds', (performance.now() - startedAt) / 1000)
  expect(exitCode, said).toBe(1)
  expect(said).toMatch(/error: ws-\d+ ended .*MAX_CONNECTIONS.*; rolling back to revision \d+/)
  expect(said).toMatch(/rolled back to revision \d+/)
  expect(await ids()).toEqual(before)
  expect(record().events).toContainEqual(expect.objectContaining({ type: 'Warning', reason: 'ReplicaFailed' }))
})

/** The numbers of sockets and replicas for the `./lab prove` run, which checks that no message was lost. */
const sockets = 600
const replicas = 3

test('sockets in rooms lose, double and reorder no message, and move at most 1.1 times each', { timeout: 1_100_000 }, async () => {
  const faults = ['rollout', 'rollout-failing']
  const many = ['--sockets', String(sockets), '--replicas', String(replicas)]
  const args = ['prove', ...many, '--faults', faults.join(), '--minutes', '2.5', '--rate', '50', '--seed', '4']
  const ran = await startLab(stack, args, { withinMs: 900_000 })
  expect(ran.exitCode, ran.all).toBe(0)
  const report = JSON.parse(readFileSync(`${root}reports/${stack.project}/prove.json`, 'utf8')) as Report
  expect(report.verdict).toMatchObject({ pass: true, faults: { rollout: 1, 'rollout-failing': 1 }, drops: { unexplained: {} } })
  const { explained } = report.verdict.drops
  // Rebalancing after the rollout counts too, because an uneven distribution would make clients move twice.
  const moves = Object.entries(explained).reduce((sum, [why, count]) => (/^(rollout|rebalance): /.test(why) ? sum + count : sum), 0)
  // The rollout record contains the events of two rollouts: first for the `rollout` fault, then for the `rollout-failing` fault.
  const secondsOf = (end: string) => {
    const { events } = record()
    const last = events.findLastIndex(({ reason }) => reason === end)
    const first = events.slice(0, last).findLast(({ reason }) => reason === 'RolloutStarted')
    return (Date.parse(events[last]?.time ?? '') - Date.parse(first?.time ?? '')) / 1000
  }
  const { findings } = report.verdict
  const figures = {
    measuredOn: new Date().toISOString().slice(0, 10),
    sockets,
    replicas,
    messages: report.verdict.counts.sent,
    deliveries: report.verdict.counts.expected,
    findings: Object.values(findings).reduce((sum, { count }) => sum + count, 0),
    movesPerSocket: moves / sockets,
    mostReturnsPerSecond: report.figures.mostReturnsPerSecond,
    secondsPerReplica: secondsOf('RolloutComplete') / replicas,
    rollbackSeconds: secondsOf('RolledBack'),
  }
  // The measured rollout figures are written to a file, because docs/deploys.md contains a copy of them.
  writeFileSync(`${root}reports/rollout-figures.json`, `${JSON.stringify(figures, null, 2)}\n`)
  addFigure('proveRollout', { ...figures, explained, faults: report.faults })
  expect(moves / sockets).toBeGreaterThanOrEqual(1)
  expect(moves / sockets).toBeLessThanOrEqual(1.1)
  expect(await names()).toHaveLength(replicas)
})

/** Whether one of the given replicas is no longer healthy. */
async function drains(before: readonly string[]): Promise<boolean> {
  const now = await containers(stack, services.ws)
  return before.some((id) => now.find(({ Id }) => Id === id)?.State.Health?.Status !== 'healthy')
}
