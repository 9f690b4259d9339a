/**
 * The commands of docs/proof-report.md, typed as they stand on the lab with its scaler: a run with its report, and its comparison
 * with the sample.
 */
import { readFileSync } from 'node:fs'
import { rm, writeFile } from 'node:fs/promises'
import { execa } from 'execa'
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest'
import { services } from '../../contract/src/endpoints.ts'
import { readReport } from '../../prove/report/schema.ts'
import { decisionLogPath, pauseFilePath, readLastRecord } from '../../scaler/src/decision-log.ts'
import { commandBlocks } from '../stack/lib/command-blocks.ts'
import { containers } from '../stack/lib/stack.ts'
import { until } from '../stack/lib/until.ts'
import { addFigure } from './lib/figures.ts'
import { fromRoot, stateFolder, timeScale } from './lib/settings.ts'

const stack = inject('stack')
/** Objectives that say how fast this machine is today: figures, and no faults of the lab. */
const ofSpeed = ['connect-p95', 'answer-p95', 'delivery-p95', 'ten-times']
const pause = fromRoot(pauseFilePath(stateFolder))
const blocks = commandBlocks(['docs/proof-report.md']).map(({ commands }) => commands.trim())

function type(line: string, withinSeconds: number) {
  const env = { ...stack.env, COMPOSE_PROJECT_NAME: stack.project }
  const options = { cwd: fromRoot(''), env, timeout: withinSeconds * 1000, reject: false, all: true } as const
  // Asked to end, it puts the lab back first.
  return execa('bash', ['-euo', 'pipefail', '-c', line], { ...options, forceKillAfterDelay: 60_000 })
}

beforeAll(async () => {
  await rm(pause, { force: true })
  // What is left of an earlier load is gone: the next change is one that this run causes.
  const settled = async () => {
    const last = await readLastRecord(fromRoot(decisionLogPath(stateFolder)))
    const wanted = last?.decision.recommendation ?? Number.POSITIVE_INFINITY
    return last?.paused !== true && wanted <= 2 && (await containers(stack, services.ws)).length === 2
  }
  await until('two replicas, and a scaler that wants no more', settled, 150_000, 1000)
}, 160_000)

afterAll(() => writeFile(pause, ''))

describe('the proof report', () => {
  test('of load, a scaler that adds replicas and takes them away, drains and a crash: the objectives hold', {
    timeout: 420_000,
  }, async () => {
    const line = blocks.find((block) => block.startsWith('npm run prove'))
    // With half the messages it fits a machine of two cores that has other things to do.
    const ran = await type(`${line} --rate 25 --seed 1`, 400)
    expect([0, 1], ran.all).toContain(ran.exitCode)
    const file = fromRoot('reports/proof/report.json')
    const report = readReport(readFileSync(file, 'utf8'), file)
    addFigure('proofReport', { slos: report.slos.map(({ id, value, pass }) => ({ id, value, pass })) })
    expect(report.slos.map(({ id }) => id)).toEqual(expect.arrayContaining(ofSpeed))
    expect(report.slos.filter(({ id, pass }) => pass !== true && !ofSpeed.includes(id))).toEqual([])
    // The exit code is the verdict, and the verdict is that of the objectives.
    expect(report.verdict.pass, ran.all).toBe(report.slos.every(({ pass }) => pass === true))
    expect(ran.exitCode, ran.all).toBe(report.verdict.pass ? 0 : 1)
    // It is of this lab and this run: the scaler found out about the guests, and each replica used something.
    const { scaling, comparisons } = report
    expect(scaling).toMatchObject({ by: 'scaler', timeScale })
    expect(scaling.synchronisations).toBeGreaterThan(10)
    expect(scaling.ups[0]).toMatchObject({ from: 2, demandAtSeconds: expect.any(Number), firstSocketAtSeconds: expect.any(Number) })
    expect(scaling.timeline.filter(({ kind }) => kind === 'decision').length).toBeGreaterThan(scaling.ups.length)
    expect(comparisons.find(({ id }) => id === 'scale-up')?.note).toContain(`${timeScale} times as fast`)
    expect(report.faults.filter(({ happened }) => happened).map(({ kind }) => kind)).toHaveLength(3)
    for (const { replica, cpuSeconds } of report.resources.replicas) expect(cpuSeconds, replica).toBeGreaterThan(0)
    expect(report.cost.byUsage?.total).toBeGreaterThan(0)
    expect(report.environment.images.map(({ service }) => service)).toContain('ws')
  })

  test('can be compared', { timeout: 60_000 }, async () => {
    const line = blocks.find((block) => block.startsWith('npm run compare'))
    const ran = await type(line ?? '', 50)
    // Of one run on each side no band can be given, and nothing was lost on either.
    expect(ran.all).toContain('no noise band can be given')
    expect(ran.exitCode, ran.all).toBe(0)
  })
})
