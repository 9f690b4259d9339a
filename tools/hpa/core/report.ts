/** Formats the results of a test as text, JUnit XML, JSON and SVG. Pure. */
import { lineChart } from '@lab/report-kit/charts.ts'
import { escaped } from '@lab/report-kit/html.ts'
import { styles } from '@lab/report-kit/styles.ts'
import { figuresOf } from '@lab/scaler/replay/figures.ts'
import type { CurvePoint } from '@lab/scaler/replay/replay.ts'
import type { Verdict } from './judge.ts'

/** The result of one expectation file. */
export interface TestResult {
  readonly hpa: string
  readonly expectations: string
  readonly verdicts: readonly Verdict[]
  readonly points: readonly CurvePoint[]
  /** The names of metrics that the load does not contain. */
  readonly omitted: readonly string[]
  readonly milliseconds: number
}

/** Formats the results for a terminal. A result with an unmet expectation is followed by its curve. */
export function testText(results: readonly TestResult[]): string {
  return results.map(resultText).join('')
}

function resultText({ hpa, expectations, verdicts, points, omitted, milliseconds }: TestResult): string {
  const met = verdicts.filter((one) => one.met).length
  const width = Math.max(...verdicts.map(({ name }) => name.length))
  const lines = verdicts.map((one) => `  ${one.met ? 'ok    ' : 'FAILED'} ${one.name.padEnd(width)}  ${one.observed}`)
  const without = omitted.length === 0 ? [] : [`  not simulated, because the load has no values: ${omitted.join(', ')}`]
  const title = `${hpa} under ${expectations}: ${met} of ${verdicts.length} expectations met, in ${Math.ceil(milliseconds)} ms`
  const curve = met === verdicts.length ? [] : ['', curveText(points)]
  return `${[title, ...lines, ...without, ...curve].join('\n')}\n`
}

const columns = 72
const mostRows = 12

/** Draws the replica curve with characters: the number of replicas as blocks, and the number that the load needs as dots. */
export function curveText(points: readonly CurvePoint[]): string {
  const start = points[0]?.timeSeconds ?? 0
  const length = Math.max(1, (points.at(-1)?.timeSeconds ?? 0) - start)
  const width = Math.min(columns, points.length)
  const cells = Array.from({ length: width }, (_, i) => {
    const [from, to] = [start + (i * length) / width, start + ((i + 1) * length) / width]
    const inside = points.filter(({ timeSeconds }) => timeSeconds >= from && timeSeconds < to)
    const shown = inside.length > 0 ? inside : points.filter(({ timeSeconds }) => timeSeconds <= from).slice(-1)
    return {
      replicas: Math.max(0, ...shown.map(({ replicas }) => replicas)),
      needed: Math.max(0, ...shown.map(({ needed }) => needed ?? 0)),
    }
  })
  const top = Math.max(1, ...cells.flatMap(({ replicas, needed }) => [replicas, Math.min(needed, 10_000)]))
  const step = Math.ceil(top / mostRows)
  const rows = Array.from({ length: Math.ceil(top / step) }, (_, i) => (Math.ceil(top / step) - i) * step)
  const drawn = rows.map((level) => {
    const reaches = (value: number) => value > level - step
    const line = cells
      .map(({ replicas, needed }) => (reaches(replicas) ? (reaches(needed) ? '▓' : '░') : reaches(needed) ? '·' : ' '))
      .join('')
    return `  ${String(level).padStart(5)} │${line}`.trimEnd()
  })
  const end = `${Math.round(length)} s`
  const axis = `  ${' '.repeat(5)} └${'─'.repeat(width)}`
  const scale = `  ${' '.repeat(7)}0${end.padStart(Math.max(1, width - 1))}`
  return [...drawn, axis, scale, '  ▓ replicas that the load needs, ░ replicas beyond that, · missing replicas'].join('\n')
}

/** Formats the results as a JSON document. */
export function testJson(results: readonly TestResult[]): string {
  const entries = results.map(({ points, verdicts, ...rest }) => ({
    ...rest,
    met: verdicts.every(({ met }) => met),
    verdicts,
    figures: figuresOf(points),
    points,
  }))
  return `${JSON.stringify({ results: entries }, null, 2)}\n`
}

/** Formats the results as JUnit XML, in which each expectation file is a suite. */
export function testJunit(results: readonly TestResult[]): string {
  const suites = results.map(({ hpa, expectations, verdicts, points, milliseconds }) => {
    const seconds = (milliseconds / 1000).toFixed(3)
    const cases = verdicts.map(({ name, met, observed }) => {
      const head = `    <testcase classname="${escaped(hpa)}" name="${escaped(name)}" time="0"`
      if (met) return `${head}/>`
      return `${head}>\n      <failure message="${escaped(observed)}">${escaped(`${observed}\n${curveText(points)}`)}</failure>\n    </testcase>`
    })
    const failures = verdicts.filter(({ met }) => !met).length
    return [
      `  <testsuite name="${escaped(expectations)}" tests="${verdicts.length}" failures="${failures}" errors="0" skipped="0" time="${seconds}">`,
      ...cases,
      '  </testsuite>',
    ].join('\n')
  })
  return `<?xml version="1.0" encoding="UTF-8"?>\n<testsuites>\n${suites.join('\n')}\n</testsuites>\n`
}

/** Draws the replica curve of a result as a complete SVG file. */
export function testSvg({ hpa, expectations, points, verdicts }: TestResult): string {
  const start = points[0]?.timeSeconds ?? 0
  const curve = (read: (point: CurvePoint) => number) => points.map((point) => [point.timeSeconds - start, read(point)] as const)
  const failed = verdicts.filter(({ met }) => !met).map(({ name }) => name)
  const figure = lineChart({
    id: 'curve',
    title: `${hpa} under ${expectations}`,
    text: failed.length === 0 ? 'All expectations are met.' : `Not met: ${failed.join('; ')}.`,
    lines: [
      { name: 'replicas', steps: true, points: curve(({ replicas }) => replicas) },
      { name: 'ready replicas', steps: true, points: curve(({ ready }) => ready) },
    ],
    area: { name: 'replicas that the load needs', points: curve(({ needed }) => needed ?? 0) },
    seconds: (points.at(-1)?.timeSeconds ?? 0) - start,
    marks: [],
  })
  const [, attributes = '', content = ''] = /<svg viewBox="0 0 960 280" (role="img"[^>]*)>([\s\S]*?)<\/svg>/.exec(figure) ?? []
  const legend = [
    '<line class="line a" x1="64" x2="104" y1="300" y2="300"/><text x="112" y="304">replicas</text>',
    '<line class="line b" x1="200" x2="240" y1="300" y2="300"/><text x="248" y="304">ready replicas</text>',
    '<rect class="area" x="380" width="40" y="295" height="10"/><text x="428" y="304">replicas that the load needs</text>',
    ...failed.map((name, i) => `<text x="64" y="${326 + i * 18}">Not met: ${escaped(name)}</text>`),
  ]
  const size = `viewBox="0 0 960 ${318 + failed.length * 18}"`
  return `<svg xmlns="http://www.w3.org/2000/svg" ${size} ${attributes}>\n<style>${styles}</style>${content}${legend.join('\n')}\n</svg>\n`
}
