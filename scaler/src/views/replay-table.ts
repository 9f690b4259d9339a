/** Formats a comparison of runs as a table and as JSON. */
import type { Figures } from '../replay/figures.ts'
import { figuresOf } from '../replay/figures.ts'
import type { Run } from '../replay/replay.ts'
import { getStyle, tabulate } from './tabulate.ts'

const columns: readonly { readonly title: string; readonly read: (run: Run, figures: Figures) => string | number }[] = [
  { title: 'SETTINGS', read: ({ title }) => title },
  { title: 'MIN', read: ({ hpa }) => hpa?.minReplicas ?? '-' },
  { title: 'MAX', read: ({ hpa }) => hpa?.maxReplicas ?? '-' },
  { title: 'PEAK', read: (_, { peakReplicas }) => peakReplicas },
  { title: 'CHANGES', read: (_, { changes }) => changes },
  { title: 'REPLICA-SECONDS', read: (_, { replicaSeconds }) => Math.round(replicaSeconds) },
  { title: 'OVER-CAPACITY', read: (_, { overCapacityReplicaSeconds }) => Math.round(overCapacityReplicaSeconds) },
  { title: 'ABOVE-TARGET', read: (_, { aboveTargetSeconds }) => `${Math.round(aboveTargetSeconds)}s` },
  { title: 'UNKNOWN', read: (_, { unknownSeconds }) => `${Math.round(unknownSeconds)}s` },
]

/** Returns the comparison table's column titles and the cells of its rows. */
export function comparison(runs: readonly Run[]): { readonly titles: readonly string[]; readonly rows: readonly string[][] } {
  const rows = runs.map((run) => {
    const figures = figuresOf(run.points)
    return columns.map(({ read }) => String(read(run, figures)))
  })
  return { titles: columns.map(({ title }) => title), rows }
}

/** Returns the table with one line per run and a trailing newline. */
export function replayTable(runs: readonly Run[]): string {
  const { titles, rows } = comparison(runs)
  return `${tabulate([titles, ...rows].map((cells) => cells.join('\t')).join('\n'), getStyle)}\n`
}

/** Returns a JSON document with the key figures and the replica curve of each run. */
export function replayJson(runs: readonly Run[], timeScale: number): string {
  const entries = runs.map(({ title, points, hpa }) => ({ title, hpa, figures: figuresOf(points), points }))
  return `${JSON.stringify({ timeScale, runs: entries }, null, 2)}\n`
}
