import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createRandom } from '@lab/contract/random.ts'
import { root } from '@lab/host/root.ts'
import { execa } from 'execa'
import { describe, expect, onTestFinished, test } from 'vitest'
import { timesOf } from '../core/report.ts'
import { buildReport } from './build.ts'
import { compare } from './compare.ts'
import { sampleEvidence } from './sample-evidence.ts'
import type { CostAmount, ProofReport } from './schema.ts'

/** Creates a run with the given delivery time for room messages and the given number of lost messages. */
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
    ['slower by half, with little noise', [10, 10.2, 10.4], [15, 15.2, 15.4], 'worse'],
    ['faster by half, with little noise', [15, 15.2, 15.4], [10, 10.2, 10.4], 'better'],
    ['separate ranges of three runs each, which happens by chance one time in ten', [10, 11, 12], [13, 14, 15], 'within noise'],
    ['twice as slow, with as much noise', [5, 10, 15], [10, 20, 30], 'within noise'],
    ['twice as slow with as much noise, in six runs', [5, 10, 15, 5, 10, 15], [20, 30, 40, 20, 30, 40], 'worse'],
    ['a change of less than a tenth', [10, 10, 10], [10.9, 10.9, 10.9], 'within noise'],
    ['no band on one side', [10, 10.2, 10.4], [100], 'no band'],
    ['no band on the other', [10], [100, 101, 102], 'no band'],
  ])('%s: %j and %j: %s', (_what, before, after, says) => {
    expect(verdict(runs(...before), runs(...after))).toBe(says)
  })

  test('follows from t, the pooled deviation and the number of runs on both sides', () => {
    const row = compare(runs(10, 11, 12), runs(13, 14, 15)).rows.find(({ name }) => name === 'delivery p50')
    expect(row).toMatchObject({ before: { mean: 11, least: 10, most: 12, runs: 3 }, after: { mean: 14 } })
    // For a standard deviation of 1 in both sets, four degrees of freedom and a probability of 0.04 divided by 23 rows, t is 6.182.
    expect(row?.band).toBeCloseTo(6.182 * Math.sqrt(2 / 3), 2)
  })

  test('one lost message is worse even with one run on each side, because losses have no noise', () => {
    expect(verdict([runOf(10)], [runOf(10, 1)], 'lost')).toBe('worse')
    expect(verdict([runOf(10, 1)], [runOf(10)], 'lost')).toBe('better')
    // Two good runs must not offset one bad run.
    expect(verdict(runs(10, 10, 10), [runOf(10), runOf(10, 1), runOf(10)], 'lost')).toBe('worse')
    expect(compare([runOf(10)], [runOf(10, 1)]).worse).toBe(true)
  })

  test('too few runs and different settings are noted', () => {
    const other = { ...runOf(10), settings: { ...runOf(10).settings, sockets: 99 } }
    expect(compare(runs(10, 11, 12), [other]).notes).toEqual([
      'after: 1 run; a noise band needs at least 3',
      expect.stringMatching(/^settings differ: 2 sockets.*; 99 sockets/),
    ])
  })
})

describe('many comparisons of runs that differ by noise', () => {
  const random = createRandom(1, 0)
  /** Returns a normally distributed random number, using the Box-Muller transform. */
  const normal = () => Math.sqrt(-2 * Math.log(1 - random.between(0, 1))) * Math.cos(2 * Math.PI * random.between(0, 1))
  const { slos, ...base } = runOf(10)
  // The error rate of the reference run must be above zero, because noise multiplies the value.
  const reference = { ...base, slos: slos.map((slo) => (slo.id === 'errors' ? { ...slo, value: 0.1 } : slo)) }

  /** Creates a run in which each compared value has independent noise. @param times factor by which the delivery times are multiplied */
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
          ...replica,
          cpuSeconds: some(replica.cpuSeconds),
          memoryPeakBytes: some(replica.memoryPeakBytes),
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
  ] as const)('%j runs of the same code, noise %s: fewer than one table in twenty reports worse', (runsOfEach, noise) => {
    expect(many(runsOfEach, noise)).toBeLessThan(0.05)
  })

  test('with one run on a side nothing is judged', () => {
    expect(many([3, 1], 0.2)).toBe(0)
  })

  test.each([
    [[3, 3], 0.05],
    [[5, 5], 0.1],
    [[10, 10], 0.2],
  ] as const)('%j runs, noise %s: a doubled delivery time is detected nearly always', (runsOfEach, noise) => {
    expect(many(runsOfEach, noise, 2)).toBeGreaterThan(0.99)
  })
})

describe('./lab compare', () => {
  function folder(reports: readonly unknown[]): string {
    const path = mkdtempSync(join(tmpdir(), 'compare-'))
    onTestFinished(() => rmSync(path, { recursive: true, force: true }))
    for (const [i, report] of reports.entries()) writeFileSync(join(path, `${i}.json`), JSON.stringify(report))
    return path
  }
  const typed = (...args: string[]) =>
    execa(process.execPath, [join(root, 'tools/cli/src/main.ts'), 'compare', ...args], { reject: false, timeout: 60_000 })

  test('exit code 1 if something is worse beyond noise, else 0', { timeout: 60_000 }, async () => {
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

  test('exit code 2 and one line for reports that cannot be read', { timeout: 60_000 }, async () => {
    const wrong = await typed(folder([{ schemaVersion: 9 }]), folder(runs(1)))
    expect(wrong.exitCode).toBe(2)
    expect(wrong.stderr).toMatch(/0\.json: schemaVersion 9: this version of the lab reads 4/)
    for (const args of [['one'], ['no-such-file', 'x'], [folder([]), folder(runs(1))]]) expect((await typed(...args)).exitCode).toBe(2)
  })
})
