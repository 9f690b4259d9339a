import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { execa } from 'execa'
import { describe, expect, onTestFinished, test } from 'vitest'
import { createRandom } from '../../k6/lib/random.ts'
import { timesOf } from '../core/report.ts'
import { buildReport } from './build.ts'
import { compare } from './compare.ts'
import { sampleEvidence } from './sample-evidence.ts'
import type { CostAmount, ProofReport } from './schema.ts'

/** A run whose room messages took so many milliseconds, and in which so many were lost. */
function runOf(deliveryMs: number, lost = 0): ProofReport {
  const evidence = sampleEvidence()
  const report = buildReport({ ...evidence, delivery: { ...evidence.delivery, all: timesOf([deliveryMs]) } })
  return { ...report, ledger: { ...report.ledger, findings: { ...report.ledger.findings, lost } } }
}
const runs = (...deliveries: number[]) => deliveries.map((ms) => runOf(ms))
const verdict = (before: ProofReport[], after: ProofReport[], name = 'delivery p50') =>
  compare(before, after).rows.find((row) => row.name === name)?.verdict

describe('beyond noise', () => {
  test.each([
    ['slower by half, and steady', [10, 10.2, 10.4], [15, 15.2, 15.4], 'worse'],
    ['faster by half, and steady', [15, 15.2, 15.4], [10, 10.2, 10.4], 'better'],
    ['extremes that do not meet, of three runs each: it happens by itself one time in ten', [10, 11, 12], [13, 14, 15], 'within noise'],
    ['twice as slow, where a run is anything between', [5, 10, 15], [10, 20, 30], 'within noise'],
    ['the same, of six runs', [5, 10, 15, 5, 10, 15], [20, 30, 40, 20, 30, 40], 'worse'],
    ['less than a tenth', [10, 10, 10], [10.9, 10.9, 10.9], 'within noise'],
    ['no band on one side', [10, 10.2, 10.4], [100], 'no band'],
    ['no band on the other', [10], [100, 101, 102], 'no band'],
  ])('%s: %j and %j: %s', (_what, before, after, says) => {
    expect(verdict(runs(...before), runs(...after))).toBe(says)
  })

  test('is what t, the pooled deviation and the runs of both sides make of it', () => {
    const row = compare(runs(10, 11, 12), runs(13, 14, 15)).rows.find(({ name }) => name === 'delivery p50')
    expect(row).toMatchObject({ before: { mean: 11, least: 10, most: 12, runs: 3 }, after: { mean: 14 } })
    // A deviation of 1 on both sides, four degrees of freedom, a chance of 0.04 for 23 rows: t is 6.182.
    expect(row?.band).toBeCloseTo(6.182 * Math.sqrt(2 / 3), 2)
  })

  test('one message lost is worse, even with one run on each side: there is no noise in that', () => {
    expect(verdict([runOf(10)], [runOf(10, 1)], 'lost')).toBe('worse')
    expect(verdict([runOf(10, 1)], [runOf(10)], 'lost')).toBe('better')
    // One bad run of three is not outvoted.
    expect(verdict(runs(10, 10, 10), [runOf(10), runOf(10, 1), runOf(10)], 'lost')).toBe('worse')
    expect(compare([runOf(10)], [runOf(10, 1)]).worse).toBe(true)
  })

  test('too few runs and different settings are said', () => {
    const other = { ...runOf(10), settings: { ...runOf(10).settings, sockets: 99 } }
    expect(compare(runs(10, 11, 12), [other]).notes).toEqual([
      'after: 1 run; no noise band can be given of fewer than 3',
      expect.stringMatching(/^settings differ: 2 sockets.*; 99 sockets/),
    ])
  })
})

describe('many comparisons of runs that differ by noise', () => {
  const random = createRandom(1, 0)
  /** Box and Muller's way to a normal distribution. */
  const normal = () => Math.sqrt(-2 * Math.log(1 - random.between(0, 1))) * Math.cos(2 * Math.PI * random.between(0, 1))
  const { slos, ...base } = runOf(10)
  // Something failed, so that errors have noise as well.
  const reference = { ...base, slos: slos.map((slo) => (slo.id === 'errors' ? { ...slo, value: 0.1 } : slo)) }

  /** A run in which each number that is compared has noise of its own. @param times what room messages take, at the half and at 99 of 100 */
  function noisy(noise: number, times = 1): ProofReport {
    const some = (value: number | null) => (value === null ? null : value * Math.exp(noise * normal()))
    const amount = <T extends CostAmount>(one: T): T => ({ ...one, perMillionMessages: some(one.perMillionMessages) })
    const { latencies, resources, cost } = reference
    return {
      ...reference,
      slos: reference.slos.map((slo) => ({ ...slo, value: some(slo.value) })),
      latencies: latencies.map((latency) => {
        const factor = latency.id === 'delivery' ? times : 1
        const { p50, p99 } = latency.times
        return { ...latency, times: { ...latency.times, p50: some(p50 && p50 * factor), p99: some(p99 && p99 * factor) } }
      }),
      resources: {
        ...resources,
        replicas: resources.replicas.map((replica) => ({
          ...{ ...replica, cpuSeconds: some(replica.cpuSeconds), memoryPeakBytes: some(replica.memoryPeakBytes) },
        })),
      },
      cost: { ...cost, byRequest: amount(cost.byRequest), byUsage: cost.byUsage && amount(cost.byUsage) },
    }
  }
  const many = (runsOfEach: readonly [number, number], noise: number, times = 1) => {
    const side = (length: number, factor: number) => Array.from({ length }, () => noisy(noise, factor))
    const tables = 1000
    const worse = Array.from({ length: tables }, () => compare(side(runsOfEach[0], 1), side(runsOfEach[1], times))).filter(
      (one) => one.worse,
    )
    return worse.length / tables
  }

  test.each([
    [[3, 3], 0.05],
    [[3, 3], 0.2],
    [[3, 3], 0.5],
    [[5, 5], 0.2],
    [[3, 10], 0.2],
  ] as const)('%j runs of the same code, noise %s: fewer than one table in twenty says worse', (runsOfEach, noise) => {
    expect(many(runsOfEach, noise)).toBeLessThan(0.05)
  })

  test('with one run on a side there is no verdict at all', () => {
    expect(many([3, 1], 0.2)).toBe(0)
  })

  test.each([
    [[3, 3], 0.05],
    [[5, 5], 0.1],
    [[10, 10], 0.2],
  ] as const)('%j runs, noise %s: room messages that take twice as long are found nearly always', (runsOfEach, noise) => {
    expect(many(runsOfEach, noise, 2)).toBeGreaterThan(0.99)
  })
})

describe('npm run compare', () => {
  function folder(reports: readonly unknown[]): string {
    const path = mkdtempSync(join(tmpdir(), 'compare-'))
    onTestFinished(() => rmSync(path, { recursive: true, force: true }))
    for (const [i, report] of reports.entries()) writeFileSync(join(path, `${i}.json`), JSON.stringify(report))
    return path
  }
  const typed = (...args: string[]) =>
    execa('node', [fileURLToPath(new URL('../compare.ts', import.meta.url)), ...args], { reject: false, timeout: 20_000 })

  test('exit code 1 when something is worse beyond noise, 0 when nothing is', async () => {
    const [before, after] = [folder(runs(10, 11, 12)), folder(runs(20, 21, 22))]
    const worse = await typed(before, after)
    expect(worse.exitCode, worse.stderr).toBe(1)
    expect(worse.stdout).toMatch(
      /\| delivery p50, ms +\| 11 \(10 to 12\) +\| 21 \(20 to 22\) +\| \+90\.9 % +\| ± 45\.9 % +\| \*\*worse\*\* +\|/,
    )
    expect(worse.stdout).toContain('Worse beyond noise: delivery p50, delivery p99.')
    const same = await typed(before, `${join(before, '0.json')},${join(before, '1.json')},${join(before, '2.json')}`)
    expect(same.exitCode, same.stdout).toBe(0)
    expect(same.stdout).toContain('Nothing is worse beyond noise.')
  })

  test('exit code 2 and one line for what cannot be read', async () => {
    const wrong = await typed(folder([{ schemaVersion: 9 }]), folder(runs(1)))
    expect(wrong.exitCode).toBe(2)
    expect(wrong.stderr).toMatch(/0\.json: schemaVersion 9: this version of the lab reads 2/)
    for (const args of [['one'], ['no-such-file', 'x'], [folder([]), folder(runs(1))]]) expect((await typed(...args)).exitCode).toBe(2)
  })
})
