/**
 * Runs the commands from docs/proof-report.md unchanged on the lab with the scaler: a run that writes a report, and the comparison with the
 * sample report.
 */
import { readFileSync } from 'node:fs'
import { rm, writeFile } from 'node:fs/promises'
import { services } from '@lab/contract/endpoints.ts'
import { until } from '@lab/host/until.ts'
import { readReport } from '@lab/prove/report/schema.ts'
import { decisionLogPath, pauseFilePath, readLastRecord } from '@lab/scaler/decision-log.ts'
import { execa } from 'execa'
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest'
import { addFigure } from '../lib/figures.ts'
import { commandBlocks } from '../stack/lib/command-blocks.ts'
import { containers } from '../stack/lib/stack.ts'
import { fromRoot, stateFolder, timeScale } from './lib/settings.ts'

const stack = inject('stack')
/**
 * The service level objectives that depend on the machine's speed. The test records whether these objectives are met, but does not require
 * them to be met.
 */
const ofSpeed = ['connect-p95', 'answer-p95', 'delivery-p95', 'ten-times']
const pause = fromRoot(pauseFilePath(stateFolder))
const blocks = commandBlocks(['docs/proof-report.md']).map(({ commands }) => commands.trim())

function type(line: string, withinSeconds: number) {
  const env = { ...stack.env, COMPOSE_PROJECT_NAME: stack.project }
  const options = { cwd: fromRoot(''), env, timeout: withinSeconds * 1000, reject: false, all: true } as const
  // After SIGTERM, the command needs time to restore the lab before it exits.
  return execa('bash', ['-euo', 'pipefail', '-c', line], { ...options, forceKillAfterDelay: 60_000 })
}

beforeAll(async () => {
  await rm(pause, { force: true })
  // The test waits until no scaling action from an earlier load is pending, so that this test's load causes the next scaling action.
  const settled = async () => {
    const last = await readLastRecord(fromRoot(decisionLogPath(stateFolder)))
    const wanted = last?.decision.recommendation ?? Number.POSITIVE_INFINITY
    return last?.paused !== true && wanted <= 2 && (await containers(stack, services.ws)).length === 2
  }
  await until('two replicas, and no pending change', settled, { withinMs: 150_000, everyMs: 1000 })
}, 160_000)

afterAll(() => writeFile(pause, ''))

describe('the proof report', () => {
  test('meets its objectives in a run with load, scaling up and down, drains and a crash', {
    timeout: 420_000,
  }, async () => {
    const line = blocks.find((block) => block.startsWith('./lab prove'))
    // The test uses half the default message rate, which suits a busy machine with two cores.
    const ran = await type(`${line} --rate 25 --seed 1`, 400)
    expect([0, 1], ran.all).toContain(ran.exitCode)
    const file = fromRoot(`reports/${stack.project}/proof/report.json`)
    const report = readReport(readFileSync(file, 'utf8'), file)
    addFigure('proofReport', { slos: report.slos.map(({ id, value, pass }) => ({ id, value, pass })) })
    expect(report.slos.map(({ id }) => id)).toEqual(expect.arrayContaining(ofSpeed))
    expect(report.slos.filter(({ id, pass }) => pass !== true && !ofSpeed.includes(id))).toEqual([])
    // The exit code must be 0 if all objectives are met, and 1 otherwise.
    expect(report.verdict.pass, ran.all).toBe(report.slos.every(({ pass }) => pass === true))
    expect(ran.exitCode, ran.all).toBe(report.verdict.pass ? 0 : 1)
    // The report must describe this lab and this run: the scaler reacted to the added clients, and each replica used resources.
    const { scaling, slos } = report
    expect(scaling).toMatchObject({ by: 'scaler', timeScale })
    expect(scaling.synchronisations).toBeGreaterThan(10)
    expect(scaling.ups[0]).toMatchObject({ from: 2, demandAtSeconds: expect.any(Number), firstSocketAtSeconds: expect.any(Number) })
    expect(scaling.timeline.filter(({ kind }) => kind === 'decision').length).toBeGreaterThan(scaling.ups.length)
    expect(slos.find(({ id }) => id === 'scaling')?.note).toContain(`compressed ${timeScale} times`)
    expect(report.faults.filter(({ happened }) => happened).map(({ kind }) => kind)).toHaveLength(3)
    for (const { replica, cpuSeconds } of report.resources.replicas) expect(cpuSeconds, replica).toBeGreaterThan(0)
    expect(report.cost.byUsage?.total).toBeGreaterThan(0)
    expect(report.environment.images.map(({ service }) => service)).toContain('ws')
  })

  test('can be compared with the sample', { timeout: 60_000 }, async () => {
    const line = blocks.find((block) => block.startsWith('./lab compare'))
    // The command on the page contains the project name from compose.yaml, which the test replaces with its own.
    const ran = await type((line ?? '').replaceAll('reports/lab/', `reports/${stack.project}/`), 50)
    // The comparison has only one earlier run and one later run, so no noise band can be computed; neither run lost a message.
    expect(ran.all).toContain('a noise band needs at least 3')
    expect(ran.exitCode, ran.all).toBe(0)
  })
})
