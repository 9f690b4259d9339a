import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { timesOf } from '../core/report.ts'
import { readBenchmarks } from './benchmarks.ts'
import { buildReport } from './build.ts'
import { compared, comparisonsOf } from './comparisons.ts'
import { reportHtml } from './html.ts'
import { againstWs, published, type RunFigure, runFigures } from './published.ts'
import { sampleEvidence } from './sample-evidence.ts'
import { readReport, reportSchema } from './schema.ts'

const build = (changed: Partial<ReturnType<typeof sampleEvidence>> = {}) => buildReport({ ...sampleEvidence(), ...changed })
const slo = (report: ReturnType<typeof build>, id: string) => report.slos.find((one) => one.id === id)

describe('the report', () => {
  test('fits its schema, and comes back from its text as it was', () => {
    const report = build()
    expect(reportSchema.parse(report)).toEqual(report)
    expect(readReport(JSON.stringify(report), 'r.json')).toEqual(report)
  })

  test('passes when every objective holds', () => {
    const { verdict, availability, ledger } = build()
    expect(verdict).toEqual({ pass: true, reasons: [] })
    expect(availability).toMatchObject({ ratio: 1, parts: [{ attempts: 2 }, { attempts: 4 }, { attempts: 1 }] })
    expect(ledger).toMatchObject({ sent: 1, accepted: 1, expected: 2, delivered: 2, findings: { lost: 0 } })
  })

  test('one failed attempt in a hundred is no 99.9 %, and said to be so', () => {
    const report = build({ handshakes: { attempts: 100, succeeded: 99 } })
    expect(report.availability.ratio).toBe(0.99)
    expect(report.verdict).toEqual({ pass: false, reasons: ['Availability is 99 %; the objective is ≥ 99.9 %'] })
    expect(slo(report, 'errors')).toMatchObject({ value: 1, pass: true })
  })

  test('five new clients of 480 failed: ten thousand messages that arrived make up for none of them', () => {
    const { report, probes } = sampleEvidence()
    const counts = { ...report.verdict.counts, sent: 10_000, accepted: 10_000 }
    const clients = probes
      .flatMap((probe) => Array.from({ length: 240 }, () => probe))
      .map((probe, i) => ({ ...probe, problem: i < 5 ? 'closed with 1006' : undefined }))
    const built = build({ report: { ...report, verdict: { ...report.verdict, counts } }, probes: clients })
    expect(built.availability.parts.map(({ attempts, succeeded }) => [attempts, succeeded])).toEqual([
      [480, 475],
      [4, 4],
      [10_000, 10_000],
    ])
    expect(built.availability.ratio).toBe(475 / 480)
    expect(built.availability.parts[0]?.cases).toEqual(Array(5).fill('at 19.0 s, by ws-3: closed with 1006'))
    expect(reportHtml(built)).toContain('<li>at 19.0 s, by ws-3: closed with 1006</li>')
    expect(built.verdict.reasons).toEqual([
      'Availability is 98.9583 %; the objective is ≥ 99.9 %',
      'Errors is 1.04167 %; the objective is ≤ 1 %',
    ])
  })

  test('of new clients nothing is known where none came', () => {
    expect(build({ probes: [] }).availability).toMatchObject({ ratio: null, parts: [{ ratio: null }, { ratio: 1 }, { ratio: 1 }] })
    expect(build({ probes: [] }).verdict.reasons).toContain('Availability was not measured; the objective is ≥ 99.9 %')
  })

  describe('scaling up', () => {
    const note = /^no scaler ran: the run itself asked for one more, and 7\.5 s later a new replica had its first socket$/
    const { scaled } = sampleEvidence()
    const rowOf = (report: ReturnType<typeof build>) => report.comparisons.find(({ id }) => id === 'scale-up')

    test('by the run itself says nothing of a scaler: neither held nor broken, and not compared', () => {
      const report = build({ scaled: { ...scaled, by: 'run', timeScale: null, synchronisations: 0 } })
      expect(slo(report, 'scaling')).toMatchObject({ value: null, pass: null, note: expect.stringMatching(note) })
      expect(rowOf(report)).toMatchObject({ ours: null, verdict: 'not measured' })
      // The rest is judged as ever.
      expect(report.verdict).toEqual({ pass: true, reasons: [] })
      expect(reportHtml(report)).toContain('objectives hold; not asked of this run: Scaling up.')
      expect(reportHtml(report)).toContain('<b>7.5 s</b> from asking to a socket on a new replica')
    })

    test('by a scaler whose clock is fast says so, where it is judged and where it is compared', () => {
      for (const [timeScale, says] of [
        [5, "the scaler's clock ran 5 times as fast as a cluster's; the limit is in real seconds"],
        [1, ''],
      ] as const) {
        const report = build({ scaled: { ...scaled, timeScale } })
        expect(slo(report, 'scaling')).toMatchObject({ value: 9.5, pass: true, note: says })
        expect(rowOf(report)?.note).toBe(`containers on one machine, no nodes to wait for${says && '; '}${says}`)
        expect(reportHtml(report)).toContain('<b>9.5 s</b> from demand to a socket on a new replica')
      }
    })
  })

  test('what was not measured does not hold: no scaling, no drain', () => {
    const evidence = sampleEvidence()
    const { reasons } = build({
      scaled: { ...evidence.scaled, decisions: [] },
      report: { ...evidence.report, figures: { ...evidence.report.figures, drainMs: timesOf([]) } },
    }).verdict
    expect(reasons).toEqual([
      'Scaling up was not measured; the objective is ≤ 120 s',
      'Length of a drain was not measured; the objective is ≤ 30 s',
    ])
  })

  test('one replica of two that never got a socket is later than any limit', () => {
    const { scaled } = sampleEvidence()
    const late = { atMs: sampleEvidence().window[0] + 90_000, from: 2, to: 3, reason: '', tookSeconds: 1, removed: [] }
    const report = build({ scaled: { ...scaled, decisions: [...scaled.decisions, late] } })
    expect(report.scaling.ups).toHaveLength(2)
    expect(slo(report, 'scaling')).toMatchObject({ value: null, pass: false })
  })

  test('socket-hours are those of the load, each moment until the next', () => {
    expect(build().cost.socketHours).toBeCloseTo((36 * 50 + 72 * 50) / 3600)
  })

  test('a long run has no more points of load than a chart can show', () => {
    const load = Array.from({ length: 86_400 }, (_, i) => ({ atSeconds: i, sockets: 1, deliveredPerSecond: 1 }))
    const report = build({ load })
    expect(report.load.length).toBeLessThanOrEqual(1801)
    expect(report.load.at(-1)?.atSeconds).toBe(86_399)
    expect(report.cost.socketHours).toBeCloseTo(24, 2)
  })

  test('a client that never came back is no number, and does not hold', () => {
    const evidence = sampleEvidence()
    const figures = { ...evidence.report.figures, reconnectAfterKillMs: timesOf([1, Number.POSITIVE_INFINITY]) }
    const report = build({ report: { ...evidence.report, figures } })
    expect(reportSchema.safeParse(report).success).toBe(true)
    expect(slo(report, 'crash')).toMatchObject({ value: null, pass: false })
  })
})

describe('a report that is none', () => {
  test.each([
    ['{', 'r.json: not JSON'],
    ['{"schemaVersion": 7}', 'r.json: schemaVersion 7: this version of the lab reads 2'],
    ['[]', 'r.json: schemaVersion is missing'],
    ['{"schemaVersion": 2}', 'r.json: startedAt: '],
  ])('%s: %s', (text, says) => {
    expect(() => readReport(text, 'r.json')).toThrow(says)
  })
})

describe('ten times as good', () => {
  const entry = { id: 'x', what: 'x', unit: 'ms', note: '', theirs: { value: 100, who: 'they', source: 'there' } }
  const verdict = (better: 'lower' | 'higher', value: number) => compared({ ...entry, better }, { value, source: 'here' })

  test.each([
    ['lower', 10, 0.1, '10×'],
    ['lower', 11, 0.11, 'better'],
    ['lower', 100, 1, 'better'],
    ['lower', 101, 1.01, 'worse'],
    ['lower', 0, 0, '10×'],
    ['higher', 1000, 10, '10×'],
    ['higher', 999, 9.99, 'better'],
    ['higher', 99, 0.99, 'worse'],
  ] as const)('%s is better, ours %s: ratio %s, %s', (better, value, ratio, says) => {
    expect(verdict(better, value)).toMatchObject({ ratio, verdict: says })
  })

  test('where nothing was measured, that is said, and nothing made up', () => {
    expect(compared({ ...entry, better: 'lower' }, null)).toMatchObject({ ours: null, ratio: null, verdict: 'not measured' })
    const none = Object.fromEntries(Object.keys(runFigures).map((name) => [name, null])) as Record<RunFigure, null>
    const all = comparisonsOf(none, 5, [])
    expect(all.length).toBeGreaterThan(published.length)
    expect(new Set(all.map((one) => one.verdict))).toEqual(new Set(['not measured']))
  })

  test('every row of docs/benchmarks.md that is asked for is there', () => {
    const titles = readBenchmarks(readFileSync(new URL('../../docs/benchmarks.md', import.meta.url), 'utf8')).map(({ title }) => title)
    const asked = [...published.flatMap(({ ours }) => (ours && 'bench' in ours ? [ours.bench] : [])), ...againstWs.map(({ id }) => id)]
    expect(asked.filter((title) => !titles.includes(title))).toEqual([])
    expect(new Set(titles).size).toBe(titles.length)
  })
})

test('benchmarks: the medians of the first table, and no other', () => {
  const page = `## Against plain \`ws\`

| min / **median** / max | plain | this |
| --- | --- | --- |
| echo, msg/s | 1 / **2,000.5** / 3 | 4 / **5** / 6 |
| the same: p99 | 1 / **7** / 3 | 4 / **8** / 6 |

## What metrics cost

| echo, msg/s | 1 / **9** / 3 | 4 / **9** / 6 |`
  expect(readBenchmarks(page)).toEqual([
    { title: 'echo, msg/s', reference: 2000.5, service: 5 },
    { title: 'echo, msg/s / the same: p99', reference: 7, service: 8 },
  ])
})
