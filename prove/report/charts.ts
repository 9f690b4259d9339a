/** Charts as inline SVG. Each has its title and its values in words; tables of the report hold the numbers. Pure. */
import { durationText, escaped, numberText } from './format.ts'

const plot = { width: 960, height: 280, left: 64, right: 16, top: 24, bottom: 32 } as const
const inner = { width: plot.width - plot.left - plot.right, height: plot.height - plot.top - plot.bottom } as const

export interface Line {
  name: string
  /** `b` is dashed: told apart without colour, too. */
  look: 'a' | 'b'
  points: readonly (readonly [atSeconds: number, value: number])[]
  /** Holds its value until the next point. */
  steps: boolean
}

export interface LineChart {
  id: string
  title: string
  /** The values in words. */
  text: string
  /** Shown below; the values themselves, where they are few. */
  caption?: string
  lines: readonly Line[]
  seconds: number
  /** Moments worth a line, with a number above. */
  marks: readonly { atSeconds: number; label: string }[]
}

export function lineChart({ id, title, text, caption = text, lines, seconds, marks }: LineChart): string {
  const top = Math.max(1, ...lines.flatMap(({ points }) => points.map(([, value]) => value)))
  const step = niceStep(top, 5)
  const highest = Math.ceil(top / step) * step
  const x = (at: number) => tenth(plot.left + (at / Math.max(seconds, 1)) * inner.width)
  const y = (value: number) => tenth(plot.top + inner.height * (1 - value / highest))
  const levels = Array.from({ length: Math.round(highest / step) + 1 }, (_, i) => i * step).map(
    (level) =>
      `<line class="grid" x1="${plot.left}" x2="${plot.width - plot.right}" y1="${y(level)}" y2="${y(level)}"/><text x="${plot.left - 8}" y="${y(level) + 4}" text-anchor="end">${numberText(level)}</text>`,
  )
  const every = niceStep(seconds, 8)
  const moments = Array.from({ length: Math.floor(seconds / every) + 1 }, (_, i) => i * every).map(
    (at) => `<text x="${x(at)}" y="${plot.height - 8}" text-anchor="middle">${at} s</text>`,
  )
  const lifted = marks.map(
    ({ atSeconds, label }, i) =>
      `<line class="mark" x1="${x(atSeconds)}" x2="${x(atSeconds)}" y1="${plot.top}" y2="${plot.top + inner.height}"/><text x="${x(atSeconds)}" y="${i % 2 === 0 ? 10 : 21}" text-anchor="middle">${escaped(label)}</text>`,
  )
  const curves = lines.map(({ look, points, steps }) => `<path class="line ${look}" d="${path(points, x, y, steps)}"/>`)
  return figure({ id, title, text, caption: legend(lines) + escaped(caption), height: plot.height }, [
    ...levels,
    ...moments,
    ...lifted,
    ...curves,
  ])
}

function path(points: Line['points'], x: (at: number) => number, y: (value: number) => number, steps: boolean): string {
  return points
    .map(([at, value], i) => (i === 0 ? `M${x(at)} ${y(value)}` : steps ? `H${x(at)}V${y(value)}` : `L${x(at)} ${y(value)}`))
    .join('')
}

function legend(lines: readonly Line[]): string {
  if (lines.length < 2) return ''
  return lines
    .map(
      ({ name, look }) =>
        `<svg viewBox="0 0 48 8" style="width:3rem;display:inline" aria-hidden="true"><line class="line ${look}" x2="48" y1="4" y2="4"/></svg> ${escaped(name)}. `,
    )
    .join('')
}

export interface Bar {
  name: string
  /** From the shorter to the longer part: p50 and p99, for instance. */
  parts: readonly number[]
  /** Not more than this is asked for. */
  limit: number | undefined
}

export interface BarChart {
  id: string
  title: string
  text: string
  caption?: string
  bars: readonly Bar[]
  /** Shows values of very different size. */
  logarithmic: boolean
  shown: (value: number) => string
}

const bar = { height: 28, left: 300, right: 150 } as const

export function barChart({ id, title, text, caption = text, bars, logarithmic, shown }: BarChart): string {
  const values = bars.flatMap(({ parts, limit }) => [...parts, ...(limit === undefined ? [] : [limit])]).filter((value) => value > 0)
  const [least, most] = [Math.min(...values, 1), Math.max(...values, 1)]
  const share = (value: number) => {
    if (value <= 0) return 0
    return logarithmic ? Math.log10(value / (least / 2)) / Math.log10(most / (least / 2)) : value / most
  }
  const width = plot.width - bar.left - bar.right
  const x = (value: number) => tenth(bar.left + share(value) * width)
  const rows = bars.map(({ name, parts, limit }, i) => {
    const y = i * bar.height + 6
    const drawn = parts.map(
      (value, part) =>
        `<rect class="fill-${part === 0 ? 'b' : 'a'}" x="${bar.left}" y="${y + (part === 0 ? 5 : 0)}" width="${tenth(x(value) - bar.left)}" height="${part === 0 ? 8 : 18}"/>`,
    )
    const last = Math.max(...parts, 0)
    const line = limit === undefined ? '' : `<line class="limit" x1="${x(limit)}" x2="${x(limit)}" y1="${y - 3}" y2="${y + 21}"/>`
    const label = `<text x="${Math.max(x(last), limit === undefined ? 0 : x(limit)) + 8}" y="${y + 14}">${escaped(parts.map(shown).join(' · '))}</text>`
    return `<text x="${bar.left - 8}" y="${y + 14}" text-anchor="end">${escaped(name)}</text>${drawn.reverse().join('')}${line}${label}`
  })
  return figure({ id, title, text, caption: escaped(caption), height: bars.length * bar.height + 12 }, rows)
}

/** @param frame its caption is markup */
function figure(frame: { id: string; title: string; text: string; caption: string; height: number }, content: readonly string[]): string {
  const { id, title, text, caption, height } = frame
  return `<figure>
<svg viewBox="0 0 ${plot.width} ${height}" role="img" aria-labelledby="${id}-title ${id}-text">
<title id="${id}-title">${escaped(title)}</title>
<desc id="${id}-text">${escaped(text)}</desc>
${content.join('\n')}
</svg>
<figcaption><strong>${escaped(title)}.</strong> ${caption}</figcaption>
</figure>`
}

/** 1, 2 or 5 times a power of ten, so that there are about `count` steps. */
export function niceStep(range: number, count: number): number {
  const rough = Math.max(range / count, 1)
  const power = 10 ** Math.floor(Math.log10(rough))
  return power * ([1, 2, 5].find((factor) => factor * power >= rough) ?? 10)
}

function tenth(value: number): number {
  return Math.round(value * 10) / 10
}

/** For bars of lengths of time. */
export const shownDuration = (ms: number): string => durationText(ms)
