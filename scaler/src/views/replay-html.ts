/** Formats the comparison of runs as a self-contained HTML file with a plot, the key figures, and a table of the curves. */
import { lineChart } from '@lab/report-kit/charts.ts'
import { escaped, page, table } from '@lab/report-kit/html.ts'
import type { CurvePoint, Run } from '../replay/replay.ts'
import { comparison } from './replay-table.ts'

export interface PlotInfo {
  /** Notes about the plot, such as time compression and the model's limitations. */
  readonly notes: readonly string[]
}

/** Maximum number of table rows. Longer replica curves are thinned out evenly, so that the table stays readable. */
const maxTableRows = 120

/** Returns the comparison as a complete HTML document. */
export function replayHtml(runs: readonly Run[], { notes }: PlotInfo): string {
  const title = 'Replica curves on the recorded load'
  return page(
    title,
    `<main>
<h1>${title}</h1>
${notes.map((note) => `<p>${escaped(note)}</p>`).join('\n')}
${chart(runs)}
<h2>Figures</h2>
${numbersTable('Figures of each run', comparison(runs))}
<p>All times are in seconds of the autoscaler. Over-capacity: replica-seconds beyond the replicas that the load needed at the targets.
Above target: seconds in which the ready replicas were above a target. Unknown: seconds in which no metric could be read.</p>
<details>
<summary>Table of the curves</summary>
${curveTable(runs)}
</details>
</main>`,
  )
}

function chart(runs: readonly Run[]): string {
  const times = runs.flatMap(({ points }) => points.map(({ timeSeconds }) => timeSeconds))
  const start = times.reduce((least, time) => Math.min(least, time), times[0] ?? 0)
  const end = times.reduce((most, time) => Math.max(most, time), start)
  const curve = (points: readonly CurvePoint[], read: (point: CurvePoint) => number) =>
    points.map((point) => [point.timeSeconds - start, read(point)] as const)
  return lineChart({
    id: 'plot',
    title: 'Replicas over time',
    text: `One step curve each for ${runs.map(({ title }) => title).join(', ')}. The grey area is what the load needs.`,
    caption: 'The numbers are in the tables below.',
    lines: runs.map(({ title, points }) => ({ name: title, steps: true, points: curve(points, ({ replicas }) => replicas) })),
    // If the number of replicas needed is unknown, the shaded area has a height of 0.
    area: { name: `needed at the targets of ${runs[0]?.title ?? ''}`, points: curve(runs[0]?.points ?? [], ({ needed }) => needed ?? 0) },
    seconds: end - start,
    marks: [],
  })
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
  return numbersTable('Replicas at each moment', { titles: ['Time', 'Needed', ...runs.map(({ title }) => title)], rows })
}

/** Returns a table whose first column contains the row names. All cells outside the first column contain numbers. */
function numbersTable(caption: string, { titles, rows }: { titles: readonly string[]; rows: readonly (readonly string[])[] }): string {
  return table({ caption, titles, rows: rows.map(([name = '', ...numbers]) => [name, ...numbers.map((number) => ({ number }))]) })
}
