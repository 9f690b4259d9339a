import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { execa } from 'execa'
import { describe, expect, onTestFinished, test } from 'vitest'
import { timesOf } from '../core/report.ts'
import { buildReport } from './build.ts'
import { compare } from './compare.ts'
import { sampleEvidence } from './sample-evidence.ts'
import type { ProofReport } from './schema.ts'

/** A run whose room messages took so many milliseconds, and in which so many were lost. */
function runOf(deliveryMs: number, lost = 0): ProofReport {
  const evidence = sampleEvidence()
  const report = buildReport({ ...evidence, delivery: { ...evidence.delivery, all: timesOf([deliveryMs]) } })
  return { ...report, ledger: { ...report.ledger, findings: { ...report.ledger.findings, lost } } }
}
const runs = (...deliveries: number[]) => deliveries.map((ms) => runOf(ms))
const verdict = (before: ProofReport[], after: ProofReport[], name = 'delivery p50') =>
  compare(before, after, 'min-max').rows.find((row) => row.name === name)?.verdict

describe('beyond noise', () => {
  test.each([
    ['bands that meet', [10, 11, 12], [12, 13, 14], 'within noise'],
    ['bands apart, slower', [10, 11, 12], [13, 14, 15], 'worse'],
    ['bands apart, faster', [10, 11, 12], [7, 8, 9], 'better'],
    ['one run outside of a band', [10, 11, 12], [13], 'worse'],
    ['one run within a band', [10, 11, 12], [11.5], 'within noise'],
    ['a band around one run', [11], [10, 11, 12], 'within noise'],
    ['less than a hundredth', [10, 10, 10], [10.05, 10.05, 10.05], 'within noise'],
    ['no band anywhere', [10, 11], [100, 110], 'no band'],
  ])('%s: %j and %j: %s', (_what, before, after, says) => {
    expect(verdict(runs(...before), runs(...after))).toBe(says)
  })

  test('mean ± 2σ in place of the extremes', () => {
    const [row] = compare(runs(10, 11, 12), runs(13.5, 14, 14.5), 'sigma').rows.filter(({ name }) => name === 'delivery p50')
    expect(row?.before.band).toEqual([9, 13])
    expect(row?.after.band).toEqual([13, 15])
    expect(row?.verdict).toBe('within noise')
  })

  test('one message lost is worse, even with one run on each side: there is no noise in that', () => {
    expect(verdict([runOf(10)], [runOf(10, 1)], 'lost')).toBe('worse')
    expect(verdict([runOf(10, 1)], [runOf(10)], 'lost')).toBe('better')
    // One bad run of three is not outvoted.
    expect(verdict(runs(10, 10, 10), [runOf(10), runOf(10, 1), runOf(10)], 'lost')).toBe('worse')
    expect(compare([runOf(10)], [runOf(10, 1)], 'min-max').worse).toBe(true)
  })

  test('too few runs and different settings are said', () => {
    const other = { ...runOf(10), settings: { ...runOf(10).settings, sockets: 99 } }
    expect(compare(runs(10, 11, 12), [other], 'min-max').notes).toEqual([
      'after: 1 run; no noise band can be given of fewer than 3',
      expect.stringMatching(/^settings differ: 2 sockets.*; 99 sockets/),
    ])
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
    const [before, after] = [folder(runs(10, 11, 12)), folder(runs(13, 14, 15))]
    const worse = await typed(before, after)
    expect(worse.exitCode, worse.stderr).toBe(1)
    expect(worse.stdout).toMatch(/\| delivery p50, ms +\| 11 \(10 to 12\) +\| 14 \(13 to 15\) +\| \+27\.3 % +\| \*\*worse\*\* +\|/)
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
