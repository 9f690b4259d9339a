import { describe, expect, test } from 'vitest'
import { shownBenchmarks } from './benchmarks.ts'
import { buildReport } from './build.ts'
import { reportHtml } from './html.ts'
import { sampleEvidence } from './sample-evidence.ts'

const benchmarks = shownBenchmarks.map(({ id }) => ({ title: id, reference: 2, service: 3 }))
const report = buildReport({ ...sampleEvidence(), benchmarks })
const page = reportHtml(report)
const all = (pattern: RegExp, text = page) => [...text.matchAll(pattern)].map(([, found]) => found ?? '')

describe('the page', () => {
  test('has this structure', () => {
    const outline = [...page.matchAll(/<(h1|h2|caption|title)[^>]*>([^<]*)<|<p class="(verdict) [^>]*>([^<]*)</g)].map(
      ([, tag, text, verdict, word]) => `${tag ?? verdict} ${text ?? word}`,
    )
    expect(outline).toMatchInlineSnapshot(`
      [
        "title PASS: proof report of 2026-01-01",
        "h1 Proof report of the WebSocket scaling lab",
        "verdict ✓ PASS",
        "h2 Objectives",
        "caption Each objective, its formula, and whether it holds",
        "h2 Availability",
        "caption Attempts",
        "h2 Scaling",
        "title Replicas",
        "title Load",
        "caption Steps of scaling up, in seconds since the run began",
        "caption Decisions",
        "caption Events, in order of time",
        "h2 Ledger",
        "caption Room messages",
        "caption Connections that ended, by fault and cause",
        "h2 Latency",
        "title Latency",
        "caption Percentiles",
        "h2 Against plain ws",
        "caption Benchmarks",
        "h2 Resources",
        "title CPU",
        "caption Each replica: seconds by Docker, the rest by Prometheus",
        "h2 Cost",
        "caption Cost of the run",
        "h2 Faults",
        "caption Drains, crashes and the rest of the plan",
        "h2 Environment",
        "caption Where it was measured",
      ]
    `)
  })

  test('begins with the result', () => {
    const text = page.replace(/<style>[\s\S]*<\/style>/, '')
    expect(text.indexOf('✓ PASS')).toBeLessThan(text.indexOf('<h2>'))
    const failed = reportHtml(buildReport({ ...sampleEvidence(), handshakes: { attempts: 9, succeeded: 1 } }))
    expect(failed).toContain('✗ FAIL')
    expect(failed).toMatch(/<li>Availability is [\d.]+ %; the objective is ≥ 99.9 %\.<\/li>/)
  })

  test('is self-contained: no script, and no external style sheet, picture or font', () => {
    expect(page).not.toMatch(/<script|<link|<img|<iframe|@import|url\(|\son\w+=/i)
    // Links lead to sources, but the page itself loads nothing from the linked addresses.
    expect(all(/(?:src|href)="([^"]*)"/g).filter((address) => !/^https:\/\//.test(address))).toEqual([])
    expect(Buffer.byteLength(page)).toBeLessThan(150_000)
  })

  test('every chart has a name, its values in words, and unique ids', () => {
    const charts = all(/(<svg viewBox="[^"]*" role="img"[\s\S]*?<\/figure>)/g)
    expect(charts).toHaveLength(4)
    for (const chart of charts) {
      const [title, text] = [/<title[^>]*>([^<]+)</.exec(chart)?.[1], /<desc[^>]*>([^<]+)</.exec(chart)?.[1]]
      expect(text).toMatch(/\d/)
      expect(chart).toContain(`<figcaption><strong>${title}.</strong>`)
    }
    const ids = all(/\sid="([^"]+)"/g)
    expect(ids).toEqual([...new Set(ids)])
    for (const labelled of all(/aria-labelledby="([^"]+)"/g)) for (const id of labelled.split(' ')) expect(ids).toContain(id)
  })

  test('shows every objective with its formula, and every number of the ledger', () => {
    const shown = (text: string) => page.includes(text.replaceAll('&', '&amp;').replaceAll('"', '&quot;'))
    for (const { name, formula, source } of report.slos)
      for (const text of [name, formula, source]) expect([text, shown(text)]).toEqual([text, true])
    for (const { what } of report.againstWs) expect(shown(what)).toBe(true)
    expect(page).toContain('of the worst kind: <strong>100 %</strong>')
  })

  test('text from outside is escaped', () => {
    expect(page).toContain('exit 137 &amp; &lt;healthy&gt; again')
    expect(page).not.toContain('<healthy>')
  })

  test('values that are not numbers are not printed as numbers', () => {
    expect(page).not.toMatch(/NaN|Infinity|undefined|\[object/)
  })
})
