/**
 * Runs every `./lab chaos` fault once with --check on the stack under test, and expects each to succeed. Independent faults run
 * concurrently.
 */
import { services } from '@lab/contract/endpoints.ts'
import { scalerMetrics } from '@lab/contract/scaler-metrics.ts'
import { type FaultName, faultsOn } from '@lab/faults/catalogue/index.ts'
import type { Finding } from '@lab/faults/core/judge.ts'
import { until } from '@lab/host/until.ts'
import { execa } from 'execa'
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest'
import { addFigure } from '../lib/figures.ts'
import { root } from '../stack/lib/compose-file.ts'
import { query, replicasUp } from '../stack/lib/prometheus.ts'
import { compose, containers, scaleTo } from '../stack/lib/stack.ts'

const stack = inject('stack')
const replicas = 5
const withinSeconds = 330
const env = { ...stack.env, COMPOSE_PROJECT_NAME: stack.project }
const done = new Set<FaultName>()
const took: Record<string, Record<string, number | null>> = {}

const start = (fault: FaultName, args: readonly string[]) =>
  execa('node', ['tools/cli/src/main.ts', 'chaos', fault, ...args], {
    cwd: root,
    env,
    timeout: withinSeconds * 1000,
    reject: false,
    stdin: 'ignore',
  })

/** Runs `./lab chaos` as a user would, and expects exit code 0. */
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
  await until('every replica is scraped', async () => (await replicasUp(stack)).length === replicas, { withinMs: 60_000 })
  await until(
    'only Watchdog is active',
    async () => (await query(stack, 'ALERTS{alertname!~"Watchdog|ErrorBudget.*", alertstate="firing"}')).length === 0,
    { withinMs: 120_000 },
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

/** The faults that run at the same time; all other faults run one after another. */
const atOnce = ['pause', 'memory', 'busy', 'partition', 'kill', 'drain', 'slow-network', 'valkey-down'] as const satisfies FaultName[]
/** The faults that need the scaler, or that have more effects where it runs. */
const withScaler = ['scaler-kill', 'docker-api-down'] as const satisfies FaultName[]
const oneByOne = faultsOn('compose').filter((name) => ![...atOnce, ...withScaler].some((other) => other === name))

describe('faults with --check succeed', () => {
  test('one frozen replica, one with full memory, one with a blocked event loop, one without Valkey', {
    timeout: withinSeconds * 1000,
  }, async () => {
    await all([
      check('pause', ['--replica', 'ws-2']),
      check('memory', ['--replica', 'ws-3']),
      check('busy', ['--replica', 'ws-4']),
      check('partition', ['--replica', 'ws-1']),
    ])
  })

  test('one killed and one drained replica, the others with a slow network; then an outage of Valkey', {
    timeout: withinSeconds * 1000,
  }, async () => {
    // The `kill` fault starts first, because its alert takes the longest to fire.
    const killed = check('kill', ['--replica', 'ws-1'])
    await all([check('drain', ['--replica', 'ws-2']), check('slow-network')])
    expect(await containers(stack, services.toxiproxy, { stopped: true })).toEqual([])
    await all([check('valkey-down'), killed])
  })

  test.each(oneByOne)('%s', { timeout: withinSeconds * 1000 }, async (name) => {
    await allWell()
    await check(name)
  })

  describe('on a lab with its scaler', () => {
    const files = ['-f', 'compose.yaml', '-f', 'compose.k8s-sim.yaml']
    const scaler = [services.actuator, services.scaler]
    beforeAll(async () => {
      const up = ['up', '--detach', '--no-deps', '--build', '--wait', '--wait-timeout', '90', ...scaler]
      await compose(stack, [...files, ...up], { withinSeconds: 240 })
      // Prometheus reports the absence of a scaler only if it has scraped the scaler before.
      const synced = async () => (await query(stack, `${scalerMetrics.lastSync.name} > 0`)).length > 0
      await until('Prometheus has scraped a sync of the scaler', synced, { withinMs: 60_000 })
    }, 400_000)
    afterAll(() => compose(stack, [...files, 'rm', '--stop', '--force', ...scaler]), 60_000)

    test.each(withScaler)('%s', { timeout: withinSeconds * 1000 }, async (name) => {
      await allWell()
      await check(name)
    })
  })

  test('the tests cover all faults', () => expect([...done].sort()).toEqual(faultsOn('compose').sort()))
})

describe('a fault', () => {
  const isPaused = async (replica: string) =>
    (await containers(stack, services.ws)).find(({ Name }) => Name.endsWith(`-${replica}`))?.State.Status === 'paused'

  test('is undone at Ctrl-C', { timeout: 60_000 }, async () => {
    const running = start('pause', ['--replica', 'ws-3', '--for', '5m'])
    await until('ws-3 is frozen', () => isPaused('ws-3'), { withinMs: 30_000 })
    running.kill('SIGINT')
    expect((await running).exitCode).toBe(130)
    expect(await isPaused('ws-3')).toBe(false)
  })

  test('is refused for a replica that does not run', { timeout: 60_000 }, async () => {
    const ran = await start('pause', ['--replica', 'ws-9', '--for', '10s', '--check'])
    expect(ran.exitCode).toBe(2)
    expect(ran.stderr).toMatch(/--replica ws-9: allowed are the healthy replicas: ws-1, ws-2/)
  })
})

/** Waits for all promises, even if one of them rejects. */
async function all(promises: Promise<void>[]): Promise<void> {
  const failures = (await Promise.allSettled(promises)).flatMap((one) => (one.status === 'rejected' ? [String(one.reason)] : []))
  expect(failures).toEqual([])
}
