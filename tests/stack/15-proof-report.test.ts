/** The commands of docs/proof-report.md, typed as they stand on the stack under test: a run with its report, and its comparison with the sample. */
import { readFileSync } from 'node:fs'
import { execa } from 'execa'
import { beforeAll, describe, expect, inject, test } from 'vitest'
import { readReport } from '../../prove/report/schema.ts'
import { commandBlocks } from './lib/command-blocks.ts'
import { root } from './lib/compose-file.ts'
import { addFigure } from './lib/figures.ts'
import { scaleTo } from './lib/stack.ts'

const stack = inject('stack')
const blocks = commandBlocks(['docs/proof-report.md']).map(({ commands }) => commands.trim())

function type(line: string, withinSeconds: number) {
  const env = { ...stack.env, COMPOSE_PROJECT_NAME: stack.project }
  return execa('bash', ['-euo', 'pipefail', '-c', line], { cwd: root, env, timeout: withinSeconds * 1000, reject: false, all: true })
}

beforeAll(() => scaleTo(stack, 3))

describe('the proof report', () => {
  test('of load, scaling up and down, drains and a crash: every objective holds', { timeout: 420_000 }, async () => {
    const line = blocks.find((block) => block.startsWith('npm run prove'))
    const ran = await type(`${line} --sockets 100 --seed 1`, 400)
    expect([0, 1], ran.all).toContain(ran.exitCode)
    const file = `${root}reports/proof/report.json`
    const report = readReport(readFileSync(file, 'utf8'), file)
    addFigure('proofReport', { slos: report.slos.map(({ id, value }) => ({ id, value })) })
    expect(report.verdict, ran.all).toEqual({ pass: true, reasons: [] })
    expect(ran.exitCode, ran.all).toBe(0)
    // It is of this stack and this run: three replicas, a fourth, and three again; each of them used something.
    expect(report.scaling).toMatchObject({ by: 'run', ups: [{ from: 3, to: 4 }] })
    expect(Math.max(...report.scaling.replicas.map(({ ready }) => ready))).toBe(4)
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
