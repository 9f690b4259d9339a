/** The comparison of runs as one HTML file that needs nothing else: a plot, the figures, and the curves as a table. */
import type { CurvePoint, Run } from '../replay/replay.ts'
import { comparison } from './replay-table.ts'

export interface PlotInfo {
  /** Lines that belong to the plot: compressed time, and what the model leaves out. */
  readonly notes: readonly string[]
}

const plot = { width: 960, height: 360, left: 44, right: 28, top: 12, bottom: 34 } as const
/** Told apart by colour and by dashes; after the last one they begin again. */
const strokes = ['none', '8 4', '2 3', '12 3 2 3', '5 5', '1 5'] as const
/** More rows than this are thinned out evenly: the table is for reading. */
const maxTableRows = 120

/** The whole document. */
export function replayHtml(runs: readonly Run[], { notes }: PlotInfo): string {
  const title = 'Replica curves on the recorded load'
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${title}</title>
<style>${styles}</style>
</head>
<body>
<main>
<h1>${title}</h1>
${notes.map((note) => `<p>${escaped(note)}</p>`).join('\n')}
<figure>
${svg(runs)}
<figcaption><ul class="legend">
${legendItems(runs)}
</ul></figcaption>
</figure>
<h2>Figures</h2>
${figuresTable(runs)}
<p>Seconds as the autoscaler counts them. Over-capacity: replica-seconds beyond what the load filled exactly to the targets of the settings.
Above target: the replicas that were ready were filled beyond one of these targets. Unknown: no metric could be read.</p>
<details>
<summary>The curves as a table</summary>
${curveTable(runs)}
</details>
</main>
</body>
</html>
`
}

const styles = `
:root { color-scheme: light dark; --text: #1b1f24; --back: #fff; --grid: #d5dae0; --need: #8a929c;
  --c0: #1f5fbf; --c1: #b3420b; --c2: #19734a; --c3: #8a2f86; --c4: #7a5c00; --c5: #006f7a }
@media (prefers-color-scheme: dark) { :root { --text: #e6e9ed; --back: #14171b; --grid: #3a414a; --need: #8f98a3;
  --c0: #7db2ff; --c1: #ff9a62; --c2: #6fd3a0; --c3: #e59be0; --c4: #e3c24d; --c5: #58cfd9 } }
body { margin: 0; background: var(--back); color: var(--text); font: 16px/1.5 system-ui, sans-serif }
main { max-width: 60rem; margin: 0 auto; padding: 1rem }
figure { margin: 0 } svg { width: 100%; height: auto } svg text { fill: var(--text); font-size: 12px }
.grid { stroke: var(--grid) } .curve { fill: none; stroke-width: 2.5 } .need { fill: var(--need); opacity: 0.25 }
.legend { list-style: none; padding: 0; display: flex; flex-wrap: wrap; gap: 0.25rem 1.5rem } .legend svg { width: 3rem; vertical-align: middle }
.scroll { overflow-x: auto } table { border-collapse: collapse; font-variant-numeric: tabular-nums }
th, td { padding: 0.25rem 0.75rem; border-bottom: 1px solid var(--grid); text-align: right } th:first-child, td:first-child { text-align: left }
`

interface Scale {
  readonly x: (timeSeconds: number) => number
  readonly y: (replicas: number) => number
  readonly startSeconds: number
  readonly endSeconds: number
  readonly top: number
}

function scaleOf(runs: readonly Run[]): Scale {
  const points = runs.flatMap((run) => run.points)
  const startSeconds = points.reduce((least, { timeSeconds }) => Math.min(least, timeSeconds), points[0]?.timeSeconds ?? 0)
  const endSeconds = points.reduce((most, { timeSeconds }) => Math.max(most, timeSeconds), startSeconds)
  const top = points.reduce((most, { replicas, needed }) => Math.max(most, replicas, needed ?? 0), 1)
  const width = plot.width - plot.left - plot.right
  const height = plot.height - plot.top - plot.bottom
  const seconds = Math.max(endSeconds - startSeconds, 1)
  return {
    x: (timeSeconds) => rounded(plot.left + ((timeSeconds - startSeconds) / seconds) * width),
    y: (replicas) => rounded(plot.top + height - (replicas / top) * height),
    startSeconds,
    endSeconds,
    top,
  }
}

function svg(runs: readonly Run[]): string {
  const scale = scaleOf(runs)
  const names = runs.map(({ title }) => title).join(', ')
  const first = runs[0]?.points ?? []
  return `<svg viewBox="0 0 ${plot.width} ${plot.height}" role="img" aria-labelledby="plot-title plot-text">
<title id="plot-title">Replicas over time</title>
<desc id="plot-text">One step curve each for ${escaped(names)}. The grey area is what the load needs. The numbers are in the tables below.</desc>
${grid(scale)}
<path class="need" d="${areaPath(first, scale)}"/>
${runs.map(({ points }, i) => `<path class="curve" ${strokeOf(i)} d="${stepPath(points, scale)}"/>`).join('\n')}
</svg>`
}

function grid({ x, y, startSeconds, endSeconds, top }: Scale): string {
  const right = plot.width - plot.right
  const step = niceStep(top, 6)
  const levels = Array.from({ length: Math.floor(top / step) + 1 }, (_, i) => i * step)
  const horizontal = levels.map(
    (level) =>
      `<line class="grid" x1="${plot.left}" x2="${right}" y1="${y(level)}" y2="${y(level)}"/><text x="${plot.left - 6}" y="${y(level) + 4}" text-anchor="end">${level}</text>`,
  )
  const minutes = (endSeconds - startSeconds) / 60
  const minuteStep = niceStep(minutes, 8)
  const moments = Array.from({ length: Math.floor(minutes / minuteStep) + 1 }, (_, i) => i * minuteStep)
  const vertical = moments.map(
    (minute) => `<text x="${x(startSeconds + minute * 60)}" y="${plot.height - 12}" text-anchor="middle">${minute} min</text>`,
  )
  return [...horizontal, ...vertical].join('\n')
}

/** 1, 2 or 5 times a power of ten, at least 1, so that there are about `count` steps. */
function niceStep(range: number, count: number): number {
  const rough = Math.max(range / count, 1)
  const power = 10 ** Math.floor(Math.log10(rough))
  const factor = [1, 2, 5, 10].find((candidate) => candidate * power >= rough) ?? 10
  return factor * power
}

function stepPath(points: readonly CurvePoint[], { x, y }: Scale): string {
  return points
    .map(({ timeSeconds, replicas }, i) => (i === 0 ? `M${x(timeSeconds)} ${y(replicas)}` : `H${x(timeSeconds)}V${y(replicas)}`))
    .join('')
}

/** From the axis up to what is needed; where that is not known, down to the axis. */
function areaPath(points: readonly CurvePoint[], { x, y }: Scale): string {
  const [first] = points
  const last = points.at(-1)
  if (first === undefined || last === undefined) return ''
  const steps = points.map(({ timeSeconds, needed }) => `H${x(timeSeconds)}V${y(needed ?? 0)}`).join('')
  return `M${x(first.timeSeconds)} ${y(0)}${steps}H${x(last.timeSeconds)}V${y(0)}Z`
}

function strokeOf(index: number): string {
  return `stroke="var(--c${index % strokes.length})" stroke-dasharray="${strokes[index % strokes.length]}"`
}

function legendItems(runs: readonly Run[]): string {
  const curves = runs.map(({ title }, i) => {
    const line = `<svg viewBox="0 0 48 12" aria-hidden="true"><line class="curve" ${strokeOf(i)} x1="0" x2="48" y1="6" y2="6"/></svg>`
    return `<li>${line} ${escaped(title)}</li>`
  })
  const area = '<svg viewBox="0 0 48 12" aria-hidden="true"><rect class="need" width="48" height="12"/></svg>'
  return [...curves, `<li>${area} needed at the targets of ${escaped(runs[0]?.title ?? '')}</li>`].join('\n')
}

function figuresTable(runs: readonly Run[]): string {
  const { titles, rows } = comparison(runs)
  return table(titles, rows)
}

function curveTable(runs: readonly Run[]): string {
  const points = runs[0]?.points ?? []
  const every = Math.max(1, Math.ceil(points.length / maxTableRows))
  const start = points[0]?.timeSeconds ?? 0
  const rows = points.flatMap(({ timeSeconds, needed }, i) => {
    if (i % every !== 0) return []
    const counts = runs.map((run) => String(run.points[i]?.replicas ?? ''))
    return [[`${Math.round(timeSeconds - start)} s`, String(needed ?? 'unknown'), ...counts]]
  })
  return table(['Time', 'Needed', ...runs.map(({ title }) => title)], rows)
}

function table(titles: readonly string[], rows: readonly (readonly string[])[]): string {
  const head = titles.map((title) => `<th scope="col">${escaped(title)}</th>`).join('')
  const body = rows.map((cells) => `<tr>${cells.map((cell) => `<td>${escaped(cell)}</td>`).join('')}</tr>`).join('\n')
  return `<div class="scroll"><table>\n<thead><tr>${head}</tr></thead>\n<tbody>\n${body}\n</tbody></table></div>`
}

function rounded(value: number): number {
  return Math.round(value * 10) / 10
}

function escaped(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;')
}
