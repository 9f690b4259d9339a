/** Draws charts as inline SVG. Each chart has a title and a text alternative; the report's tables contain the numbers. Pure. */
import { escaped } from './html.ts'

const plot = { width: 960, height: 280, left: 64, right: 28, top: 24, bottom: 32 } as const
const inner = { width: plot.width - plot.left - plot.right, height: plot.height - plot.top - plot.bottom } as const

/**
 * CSS classes for chart lines, each with its own colour and dash pattern. If a chart has more lines than there are classes, the classes are
 * reused from the start.
 */
const lineClasses = ['a', 'b', 'c', 'd', 'e', 'f'] as const

export interface Line {
  name: string
  points: readonly (readonly [atSeconds: number, value: number])[]
  /** Whether the line is drawn as steps, so that each value applies until the next point. */
  steps: boolean
}

export interface LineChart {
  id: string
  title: string
  /** The chart's text alternative, for screen readers. */
  text: string
  /** Text below the chart; the default is the text alternative. */
  caption?: string
  lines: readonly Line[]
  /** A step curve drawn behind the lines, with the area below it filled. */
  area?: Pick<Line, 'name' | 'points'>
  seconds: number
  /** Times that the chart marks with a vertical line and a label. */
  marks: readonly { atSeconds: number; label: string }[]
}

/** Returns a figure that contains a line chart over time. */
export function lineChart({ id, title, text, caption = text, lines, area, seconds, marks }: LineChart): string {
  const curves = area === undefined ? lines : [...lines, area]
  const top = curves.reduce((most, { points }) => points.reduce((higher, [, value]) => Math.max(higher, value), most), 1)
  const step = niceStep(top, 5)
  const highest = Math.ceil(top / step) * step
  const x = (at: number) => tenth(plot.left + (at / Math.max(seconds, 1)) * inner.width)
  const y = (value: number) => tenth(plot.top + inner.height * (1 - value / highest))
  const levels = Array.from({ length: Math.round(highest / step) + 1 }, (_, i) => i * step).map(
    (level) =>
      `<line class="grid" x1="${plot.left}" x2="${plot.width - plot.right}" y1="${y(level)}" y2="${y(level)}"/><text x="${plot.left - 8}" y="${y(level) + 4}" text-anchor="end">${level.toLocaleString('en-US')}</text>`,
  )
  const unit = timeUnits.find(({ until }) => seconds <= until) ?? hours
  const every = niceStep(seconds / unit.seconds, 8)
  const moments = Array.from({ length: Math.floor(seconds / unit.seconds / every) + 1 }, (_, i) => i * every).map(
    (at) => `<text x="${x(at * unit.seconds)}" y="${plot.height - 8}" text-anchor="middle">${at} ${unit.name}</text>`,
  )
  const lifted = marks.map(
    ({ atSeconds, label }, i) =>
      `<line class="mark" x1="${x(atSeconds)}" x2="${x(atSeconds)}" y1="${plot.top}" y2="${plot.top + inner.height}"/><text x="${x(atSeconds)}" y="${i % 2 === 0 ? 10 : 21}" text-anchor="middle">${escaped(label)}</text>`,
  )
  const drawn = lines.map(({ points, steps }, i) => `<path class="line ${lineClass(i)}" d="${path(points, x, y, steps)}"/>`)
  const filled = area === undefined ? [] : [`<path class="area" d="${areaPath(area.points, x, y)}"/>`]
  return figure({ id, title, text, caption: legend(lines, area) + escaped(caption), height: plot.height }, [
    ...levels,
    ...moments,
    ...filled,
    ...lifted,
    ...drawn,
  ])
}

const hours = { until: Number.POSITIVE_INFINITY, seconds: 3600, name: 'h' } as const
/** The possible units of the time axis; the chart's duration in seconds determines which one is used. */
const timeUnits = [{ until: 600, seconds: 1, name: 's' }, { until: 36_000, seconds: 60, name: 'min' }, hours] as const

function lineClass(index: number): string {
  return lineClasses[index % lineClasses.length] ?? lineClasses[0]
}

function path(points: Line['points'], x: (at: number) => number, y: (value: number) => number, steps: boolean): string {
  return points
    .map(([at, value], i) => (i === 0 ? `M${x(at)} ${y(value)}` : steps ? `H${x(at)}V${y(value)}` : `L${x(at)} ${y(value)}`))
    .join('')
}

function areaPath(points: Line['points'], x: (at: number) => number, y: (value: number) => number): string {
  const [first, last] = [points[0], points.at(-1)]
  if (first === undefined || last === undefined) return ''
  const steps = points.map(([at, value]) => `H${x(at)}V${y(value)}`).join('')
  return `M${x(first[0])} ${y(0)}${steps}H${x(last[0])}V${y(0)}Z`
}

function legend(lines: readonly Line[], area: LineChart['area']): string {
  const entries = lines.map(({ name }, i) => ({ name, sign: `<line class="line ${lineClass(i)}" x2="48" y1="4" y2="4"/>` }))
  if (area !== undefined) entries.push({ name: area.name, sign: '<rect class="area" width="48" height="8"/>' })
  if (entries.length < 2) return ''
  return entries
    .map(
      ({ name, sign }) => `<svg viewBox="0 0 48 8" style="width:3rem;display:inline" aria-hidden="true">${sign}</svg> ${escaped(name)}. `,
    )
    .join('')
}

export interface Bar {
  name: string
  /** Values in ascending order, for example p50 and p99. */
  parts: readonly number[]
  /** An upper limit that the chart shows as a line. */
  limit: number | undefined
}

export interface BarChart {
  id: string
  title: string
  text: string
  caption?: string
  bars: readonly Bar[]
  /** Whether the axis is logarithmic, which suits values of very different sizes. */
  logarithmic: boolean
  shown: (value: number) => string
}

const bar = { height: 28, left: 300, right: 150 } as const

/** Returns a figure that contains a chart with one bar for each name. */
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

/**
 * Wraps a chart's content in a figure.
 * @param frame the chart's properties; the caption is markup, and the other strings are plain text
 */
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

/** Returns a step of 1, 2 or 5 times a power of ten that divides the range into about `count` parts. */
function niceStep(range: number, count: number): number {
  const rough = Math.max(range / count, 1)
  const power = 10 ** Math.floor(Math.log10(rough))
  return power * ([1, 2, 5].find((factor) => factor * power >= rough) ?? 10)
}

function tenth(value: number): number {
  return Math.round(value * 10) / 10
}
