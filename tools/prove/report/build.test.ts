import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { timesOf } from '../core/report.ts'
import { againstWs, readBenchmarks, shownBenchmarks } from './benchmarks.ts'
import { buildReport } from './build.ts'
import { reportHtml } from './html.ts'
import { sampleEvidence } from './sample-evidence.ts'
import { readReport, reportSchema } from './schema.ts'

const build = (changed: Partial<ReturnType<typeof sampleEvidence>> = {}) => buildReport({ ...sampleEvidence(), ...changed })
const slo = (report: ReturnType<typeof build>, id: string) => report.slos.find((one) => one.id === id)

describe('the report', () => {
  test('matches its schema, and is unchanged after writing and reading', () => {
    const report = build()
    expect(reportSchema.parse(report)).toEqual(report)
    expect(readReport(JSON.stringify(report), 'r.json')).toEqual(report)
  })

  test('passes if every objective holds', () => {
    const { verdict, availability, ledger } = build()
    expect(verdict).toEqual({ pass: true, reasons: [] })
    expect(availability).toMatchObject({ ratio: 1, parts: [{ attempts: 2 }, { attempts: 4 }, { attempts: 1 }] })
    expect(ledger).toMatchObject({ sent: 1, accepted: 1, expected: 2, delivered: 2, findings: { lost: 0 } })
  })

  test('one failed attempt in a hundred violates 99.9 %, and the result names it', () => {
    const report = build({ handshakes: { attempts: 100, succeeded: 99 } })
    expect(report.availability.ratio).toBe(0.99)
    expect(report.verdict).toEqual({ pass: false, reasons: ['Availability is 99 %; the objective is ≥ 99.9 %'] })
    expect(slo(report, 'errors')).toMatchObject({ value: 1, pass: true })
  })

  test('five failed clients of 480 are not offset by ten thousand delivered messages', () => {
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

  test('availability is unknown without new clients', () => {
    expect(build({ probes: [] }).availability).toMatchObject({ ratio: null, parts: [{ ratio: null }, { ratio: 1 }, { ratio: 1 }] })
    expect(build({ probes: [] }).verdict.reasons).toContain('Availability was not measured; the objective is ≥ 99.9 %')
  })

  describe('scaling up', () => {
    const note = /^no scaler ran: the run itself added one replica, and 7\.5 s later a new replica had its first socket$/
    const { scaled } = sampleEvidence()

    test('by the run itself leaves the objective of the scaler open', () => {
      const report = build({ scaled: { ...scaled, by: 'run', timeScale: null, synchronisations: 0 } })
      expect(slo(report, 'scaling')).toMatchObject({ value: null, pass: null, note: expect.stringMatching(note) })
      // The verdict ignores an objective that does not apply to the run.
      expect(report.verdict).toEqual({ pass: true, reasons: [] })
      expect(reportHtml(report)).toContain('objectives hold; not applicable to this run: Scaling up.')
      expect(reportHtml(report)).toContain('<b>7.5 s</b> from request to a socket on a new replica')
    })

    test('by a scaler with compressed time is noted beside the objective', () => {
      for (const [timeScale, says] of [
        [5, "the scaler's time was compressed 5 times; the limit is in real seconds"],
        [1, ''],
      ] as const) {
        const report = build({ scaled: { ...scaled, timeScale } })
        expect(slo(report, 'scaling')).toMatchObject({ value: 9.5, pass: true, note: says })
        expect(reportHtml(report)).toContain('<b>9.5 s</b> from demand to a socket on a new replica')
      }
    })
  })

  test('objectives without a measurement do not hold: no scaling, no drain', () => {
    const evidence = sampleEvidence()
    const { reasons } = build({
      scaled: { ...evidence.scaled, decisions: [] },
      report: { ...evidence.report, figures: { ...evidence.report.figures, drainMs: timesOf([]) } },
    }).verdict
    expect(reasons).toEqual([
      'Scaling up was not measured; the objective is ≤ 120 s',
      'Duration of a drain was not measured; the objective is ≤ 30 s',
    ])
  })

  test('a replica that never got a socket exceeds any limit', () => {
    const { scaled } = sampleEvidence()
    const late = { atMs: sampleEvidence().window[0] + 90_000, from: 2, to: 3, reason: '', tookSeconds: 1, removed: [] }
    const report = build({ scaled: { ...scaled, decisions: [...scaled.decisions, late] } })
    expect(report.scaling.ups).toHaveLength(2)
    expect(slo(report, 'scaling')).toMatchObject({ value: null, pass: false })
  })

  test('socket-hours are summed over the load, each point lasting until the next', () => {
    expect(build().cost.socketHours).toBeCloseTo((36 * 50 + 72 * 50) / 3600)
  })

  test('the number of load points of a long run is bounded', () => {
    const load = Array.from({ length: 86_400 }, (_, i) => ({ atSeconds: i, sockets: 1, deliveredPerSecond: 1 }))
    const report = build({ load })
    expect(report.load.length).toBeLessThanOrEqual(1801)
    expect(report.load.at(-1)?.atSeconds).toBe(86_399)
    expect(report.cost.socketHours).toBeCloseTo(24, 2)
  })

  test('a client that never reconnected has no time, and its objective does not hold', () => {
    const evidence = sampleEvidence()
    const figures = { ...evidence.report.figures, reconnectAfterKillMs: timesOf([1, Number.POSITIVE_INFINITY]) }
    const report = build({ report: { ...evidence.report, figures } })
    expect(reportSchema.safeParse(report).success).toBe(true)
    expect(slo(report, 'crash')).toMatchObject({ value: null, pass: false })
  })
})

describe('an invalid report', () => {
  test.each([
    ['{', 'r.json: not JSON'],
    ['{"schemaVersion": 7}', 'r.json: schemaVersion 7: this version of the lab reads 4'],
    ['[]', 'r.json: schemaVersion is missing'],
    ['{"schemaVersion": 4}', 'r.json: startedAt: '],
  ])('%s: %s', (text, says) => {
    expect(() => readReport(text, 'r.json')).toThrow(says)
  })
})

describe('against plain ws', () => {
  const rows = readBenchmarks(readFileSync(new URL('../../../docs/benchmarks.md', import.meta.url), 'utf8'))

  test('every shown row of docs/benchmarks.md exists exactly once', () => {
    expect(againstWs(rows).map(({ id }) => id)).toEqual(shownBenchmarks.map(({ id }) => id))
    expect(new Set(rows.map(({ title }) => title)).size).toBe(rows.length)
  })

  test('shows both medians with their ratio', () => {
    const report = build({ benchmarks: [{ title: 'memory per idle socket at 10,000, KiB', reference: 4, service: 5 }] })
    expect(report.againstWs).toEqual([expect.objectContaining({ what: 'Memory of an idle socket', service: 5, ws: 4 })])
    expect(reportHtml(report)).toContain('<td class="number">5 KiB</td><td class="number">4 KiB</td><td class="number">1.25</td>')
  })

  test('omits the section without figures', () => {
    expect(build().againstWs).toEqual([])
    expect(reportHtml(build())).not.toContain('plain ws')
  })
})

test('benchmarks: reads only the medians of the first table', () => {
  const page = `## Against plain \`ws\`

| min / **median** / max | plain | this |
| --- | --- | --- |
| echo, msg/s | 1 / **2,000.5** / 3 | 4 / **5** / 6 |
| echo: p99, ms | 1 / **7** / 3 | 4 / **8** / 6 |

## What metrics cost

| echo, msg/s | 1 / **9** / 3 | 4 / **9** / 6 |`
  expect(readBenchmarks(page)).toEqual([
    { title: 'echo, msg/s', reference: 2000.5, service: 5 },
    { title: 'echo: p99, ms', reference: 7, service: 8 },
  ])
})
