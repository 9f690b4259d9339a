/**
 * Tests that no message is lost, duplicated or reordered while replicas start and stop, with short runs of `./lab prove` on the stack under
 * test. tools/prove/instrument.test.ts checks that `./lab prove` detects errors.
 */
import { readFileSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { services } from '@lab/contract/endpoints.ts'
import { planFaultNames } from '@lab/faults/catalogue/index.ts'
import { replicaName } from '@lab/host/replicas.ts'
import type { Report } from '@lab/prove/core/report.ts'
import { execa } from 'execa'
import { beforeAll, describe, expect, inject, test } from 'vitest'
import { addFigure } from '../lib/figures.ts'
import { root } from './lib/compose-file.ts'
import { containers, scaleTo } from './lib/stack.ts'

const stack = inject('stack')

const env = { ...stack.env, COMPOSE_PROJECT_NAME: stack.project }

/** Runs `./lab prove` as a user would. @returns the command's report, exit code and output */
async function prove(
  args: readonly string[],
  withinSeconds: number,
): Promise<{ exitCode: number | undefined; said: string; report: Report }> {
  const ran = await execa(process.execPath, ['tools/cli/src/main.ts', 'prove', ...args], {
    cwd: root,
    env,
    timeout: withinSeconds * 1000,
    reject: false,
    all: true,
  })
  if (ran.exitCode !== 0 && ran.exitCode !== 1) throw new Error(`prove could not be run:\n${ran.all}`)
  return {
    exitCode: ran.exitCode,
    said: ran.all,
    report: JSON.parse(readFileSync(`${root}reports/${stack.project}/prove.json`, 'utf8')) as Report,
  }
}

beforeAll(() => scaleTo(stack, 3))

describe('no message is lost, doubled or reordered, and every closed connection has a known cause', () => {
  test('during ten drains with 500 sockets', { timeout: 420_000 }, async () => {
    const { exitCode, said, report } = await prove(['--sockets', '500', '--drains', '10', '--rate', '50', '--seed', '1'], 400)
    addFigure('proveDrains', { ...report.verdict.counts, ...report.figures })
    expect(exitCode, said).toBe(0)
    expect(report.verdict).toMatchObject({ pass: true, faults: { drain: 10 }, drops: { unexplained: {} } })
    expect(report.verdict.counts.expected).toBeGreaterThan(50_000)
    // Each of the ten drains moves all the sockets of one of the three replicas, so the number of closed sockets is high.
    expect(report.verdict.drops.total).toBeGreaterThan(1000)
  })

  test('during one fault of every other kind', { timeout: 300_000 }, async () => {
    // Rollouts and deploys give replicas new numbers, so these faults are tested in 22-rollout.test.ts and 23-deploy.test.ts instead.
    const kinds = planFaultNames.filter((kind) => kind !== 'drain' && kind !== 'deploy' && !kind.startsWith('rollout'))
    const { exitCode, said, report } = await prove(
      ['--sockets', '100', '--faults', kinds.join(), '--minutes', '2', '--rate', '40', '--seed', '2'],
      280,
    )
    addFigure('proveFaults', { ...report.verdict.counts, ...report.figures })
    expect(exitCode, said).toBe(0)
    expect(report.verdict.drops.unexplained).toEqual({})
    for (const kind of kinds) expect(report.verdict.faults[kind], kind).toBeGreaterThan(0)
    // Within 5 s of a replica crash, its clients are connected to another replica.
    expect(report.figures.reconnectAfterKillMs.count).toBeGreaterThan(0)
    expect(report.figures.reconnectAfterKillMs.p99).toBeLessThan(5000)
  })
})

test('after Ctrl-C during a drain, the command restores the lab', { timeout: 150_000 }, async () => {
  // With seed 1, the first drain affects one of the replicas ws-1 to ws-3.
  // The replicas ws-1 to ws-3 still exist after the command has restored the original three replicas.
  const args = ['--replicas', '4', '--sockets', '50', '--drains', '3', '--seed', '1']
  const ran = execa(process.execPath, ['tools/cli/src/main.ts', 'prove', ...args], {
    cwd: root,
    env,
    timeout: 130_000,
    reject: false,
    all: true,
    forceKillAfterDelay: 60_000,
    // The signal is sent to the whole process group, as with Ctrl-C in a terminal.
    detached: true,
  })
  let drained: string | undefined
  for await (const line of ran.iterable({ from: 'all' })) {
    const began = / drain (ws-[1-3]) begins/.exec(line)?.[1]
    if (drained === undefined && began !== undefined && ran.pid !== undefined) {
      drained = began
      // By the time the command prints "drain … begins", the replica has received SIGTERM, and it continues to drain for some seconds.
      await sleep(1500)
      process.kill(-ran.pid, 'SIGINT')
    }
  }
  const { exitCode, all } = await ran
  expect(exitCode, all).toBe(130)
  expect(all).toMatch(/prove: ended by SIGINT$/)
  expect(drained, all).toBeDefined()
  const left = await containers(stack, services.ws)
  // The test checks that all replicas are healthy, because a replica that is merely running might still be draining.
  expect(left.map((one) => [replicaName(one.Config.Labels), one.State.Health?.Status])).toEqual(
    ['ws-1', 'ws-2', 'ws-3'].map((name) => [name, 'healthy']),
  )
  expect(all).toMatch(/drain ws-[1-3] ws-[1-3] exits with code 0 after/)
})

test('--up refuses to use a running lab, which it would remove at the end', async () => {
  const { exitCode, all } = await execa(process.execPath, ['tools/cli/src/main.ts', 'prove', '--up'], {
    cwd: root,
    env,
    timeout: 50_000,
    reject: false,
    all: true,
  })
  expect(exitCode, all).toBe(2)
  expect(all).toContain(`a lab of the project ${stack.project} exists already; omit --up`)
  expect((await containers(stack, services.ws)).map(({ Config }) => replicaName(Config.Labels))).toEqual(['ws-1', 'ws-2', 'ws-3'])
})
