/**
 * Every fault of `npm run chaos` once, with --check, on the stack under test: what is said beforehand comes true. Those that do
 * not disturb each other run at once.
 */
import { execa } from 'execa'
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest'
import { type FaultName, faultNames } from '../../chaos/core/faults.ts'
import type { Finding } from '../../chaos/core/verdict.ts'
import { services } from '../../contract/src/endpoints.ts'
import { root } from '../stack/lib/compose-file.ts'
import { addFigure } from '../stack/lib/figures.ts'
import { query, replicasUp } from '../stack/lib/prometheus.ts'
import { containers, scaleTo } from '../stack/lib/stack.ts'
import { until } from '../stack/lib/until.ts'

const stack = inject('stack')
const replicas = 5
const withinSeconds = 330
const env = { ...stack.env, COMPOSE_PROJECT_NAME: stack.project }
const done = new Set<FaultName>()
const took: Record<string, Record<string, number | null>> = {}

const start = (fault: FaultName, args: readonly string[]) =>
  execa('node', ['chaos/main.ts', fault, ...args], { cwd: root, env, timeout: withinSeconds * 1000, reject: false, stdin: 'ignore' })

/** Runs it as a person does, and expects everything it says. */
async function check(fault: FaultName, args: readonly string[] = []): Promise<void> {
  const ran = await start(fault, [...args, '--check', '--json'])
  expect(ran.exitCode, `${ran.stderr}\n${ran.stdout}`).toBe(0)
  const { findings, pass } = JSON.parse(ran.stdout) as { findings: Finding[]; pass: boolean }
  expect(pass).toBe(true)
  expect(findings.length).toBeGreaterThan(2)
  took[fault] = Object.fromEntries(findings.map(({ what, afterSeconds }) => [what, afterSeconds]))
  done.add(fault)
}

const allWell = async () => {
  await until('every replica scraped', async () => (await replicasUp(stack)).length === replicas, 60_000)
  await until(
    'no alert but Watchdog',
    async () => (await query(stack, 'ALERTS{alertname!~"Watchdog|ErrorBudget.*", alertstate="firing"}')).length === 0,
    120_000,
  )
}

beforeAll(async () => {
  await scaleTo(stack, replicas)
  await allWell()
}, 240_000)

afterAll(async () => {
  addFigure('chaos', took)
  await scaleTo(stack, 3)
})

describe('as said beforehand', () => {
  test('a replica frozen, one filled, one blocked, one cut off from Valkey', { timeout: withinSeconds * 1000 }, async () => {
    await all([
      check('pause', ['--replica', 'ws-2']),
      check('memory', ['--replica', 'ws-3']),
      check('busy', ['--replica', 'ws-4']),
      check('partition', ['--replica', 'ws-1']),
    ])
  })

  test('a replica killed, one drained, and the rest behind a slow network; then Valkey down', {
    timeout: withinSeconds * 1000,
  }, async () => {
    // Its alert outlasts all the others.
    const killed = check('kill', ['--replica', 'ws-1'])
    await all([check('drain', ['--replica', 'ws-2']), check('slow-network')])
    expect(await containers(stack, services.toxiproxy, { stopped: true })).toEqual([])
    await all([check('valkey-down'), killed])
  })

  test('Prometheus that reaches no replica', { timeout: 180_000 }, () => check('scrape-gap'))

  test('Prometheus down', { timeout: 180_000 }, () => check('prometheus-down'))

  test('and that was all of them', () => expect([...done].sort()).toEqual([...faultNames].sort()))
})

describe('a fault', () => {
  const isPaused = async (replica: string) =>
    (await containers(stack, services.ws)).find(({ Name }) => Name.endsWith(`-${replica}`))?.State.Status === 'paused'

  test('that is cut short is undone at Ctrl-C', { timeout: 60_000 }, async () => {
    const running = start('pause', ['--replica', 'ws-3', '--for', '5m'])
    await until('ws-3 is frozen', () => isPaused('ws-3'), 30_000)
    running.kill('SIGINT')
    expect((await running).exitCode).toBe(130)
    expect(await isPaused('ws-3')).toBe(false)
  })

  test('is not begun on a replica that does not run', { timeout: 60_000 }, async () => {
    const ran = await start('pause', ['--replica', 'ws-9', '--for', '10s', '--check'])
    expect(ran.exitCode).toBe(2)
    expect(ran.stderr).toMatch(/--replica ws-9: allowed are those that run: ws-1, ws-2/)
  })
})

/** Waits for all of them, also when one fails. */
async function all(promises: Promise<void>[]): Promise<void> {
  const failures = (await Promise.allSettled(promises)).flatMap((one) => (one.status === 'rejected' ? [String(one.reason)] : []))
  expect(failures).toEqual([])
}
