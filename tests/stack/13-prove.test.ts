/**
 * Nothing is lost, doubled or reordered while replicas come and go: `npm run prove` on the stack under test, in its short form.
 * What the instrument itself would notice is tried in prove/instrument.test.ts.
 */
import { readFileSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { execa } from 'execa'
import { beforeAll, describe, expect, inject, test } from 'vitest'
import { services } from '../../contract/src/endpoints.ts'
import type { FaultKind } from '../../prove/core/fault-kinds.ts'
import { allFaultKinds } from '../../prove/core/fault-kinds.ts'
import type { Report } from '../../prove/core/report.ts'
import { root } from './lib/compose-file.ts'
import { addFigure } from './lib/figures.ts'
import { containers, replicaName, scaleTo } from './lib/stack.ts'

const stack = inject('stack')

const env = { ...stack.env, COMPOSE_PROJECT_NAME: stack.project }

/** Runs it as a person does. Its report, and how it ended. */
async function prove(
  args: readonly string[],
  withinSeconds: number,
): Promise<{ exitCode: number | undefined; said: string; report: Report }> {
  const ran = await execa('npm', ['run', '--silent', 'prove', '--', ...args], {
    cwd: root,
    env,
    timeout: withinSeconds * 1000,
    reject: false,
    all: true,
  })
  if (ran.exitCode !== 0 && ran.exitCode !== 1) throw new Error(`prove could not be run:\n${ran.all}`)
  return { exitCode: ran.exitCode, said: ran.all, report: JSON.parse(readFileSync(`${root}reports/prove.json`, 'utf8')) as Report }
}

beforeAll(() => scaleTo(stack, 3))

describe('nothing is lost, doubled or reordered, and no connection ends without a reason', () => {
  test('over ten drains at 500 sockets', { timeout: 420_000 }, async () => {
    const { exitCode, said, report } = await prove(['--sockets', '500', '--drains', '10', '--rate', '50', '--seed', '1'], 400)
    addFigure('proveDrains', { ...report.verdict.counts, ...report.figures })
    expect(exitCode, said).toBe(0)
    expect(report.verdict).toMatchObject({ pass: true, faults: { drain: 10 }, drops: { unexplained: {} } })
    expect(report.verdict.counts.expected).toBeGreaterThan(50_000)
    // Each drain has moved the sockets of one replica out of three.
    expect(report.verdict.drops.total).toBeGreaterThan(1000)
  })

  test('over one fault of every other kind', { timeout: 300_000 }, async () => {
    const kinds = allFaultKinds.filter((kind) => kind !== 'drain')
    const { exitCode, said, report } = await prove(
      ['--sockets', '100', '--faults', kinds.join(), '--minutes', '2', '--rate', '40', '--seed', '2'],
      280,
    )
    addFigure('proveFaults', { ...report.verdict.counts, ...report.figures })
    expect(exitCode, said).toBe(0)
    expect(report.verdict.drops.unexplained).toEqual({})
    for (const kind of kinds) expect(report.verdict.faults[kind as FaultKind], kind).toBeGreaterThan(0)
    // A crash: back elsewhere within 5 s.
    expect(report.figures.reconnectAfterKillMs.count).toBeGreaterThan(0)
    expect(report.figures.reconnectAfterKillMs.p99).toBeLessThan(5000)
  })
})

test('ended by Ctrl-C in the middle of a drain, it leaves the lab as it was', { timeout: 150_000 }, async () => {
  // A seed whose first drain is of one of the three that stay.
  const args = ['--replicas', '4', '--sockets', '50', '--drains', '3', '--seed', '1']
  const ran = execa(process.execPath, ['prove/main.ts', ...args], {
    ...{ cwd: root, env, timeout: 130_000, reject: false, all: true, forceKillAfterDelay: 60_000 },
    // A terminal's Ctrl-C goes to the whole group: to the commands that it has under way, too.
    detached: true,
  })
  let drained: string | undefined
  for await (const line of ran.iterable({ from: 'all' })) {
    const began = / drain (ws-[1-3]) begins/.exec(line)?.[1]
    if (drained === undefined && began !== undefined && ran.pid !== undefined) {
      drained = began
      // By now the replica is told, and drains for some seconds more.
      await sleep(1500)
      process.kill(-ran.pid, 'SIGINT')
    }
  }
  const { exitCode, all } = await ran
  expect(exitCode, all).toBe(2)
  expect(all).toMatch(/ended by SIGINT$/)
  expect(drained, all).toBeDefined()
  const left = await containers(stack, services.ws)
  // One that still drained would run, too, for as long as its last clients take.
  expect(left.map((one) => [replicaName(one), one.State.Health?.Status])).toEqual(['ws-1', 'ws-2', 'ws-3'].map((name) => [name, 'healthy']))
  expect(all).toMatch(/drain ws-[1-3] exit 0 after/)
})

test('it boots no lab where there is one: in the end it would be gone, with its data', async () => {
  const { exitCode, all } = await execa(process.execPath, ['prove/main.ts', '--up'], {
    cwd: root,
    env,
    timeout: 50_000,
    reject: false,
    all: true,
  })
  expect(exitCode, all).toBe(2)
  expect(all).toContain(`there is a lab of project ${stack.project} already; leave --up out`)
  expect((await containers(stack, services.ws)).map(replicaName)).toEqual(['ws-1', 'ws-2', 'ws-3'])
})
