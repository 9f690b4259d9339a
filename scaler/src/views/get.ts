/** `get hpa`: kubectl's table, and the rows that a watch appends. */
import type { TickRecord } from '../record.ts'
import { getStyle, padded, tabulate } from './tabulate.ts'
import { targetsColumn } from './targets.ts'
import type { View } from './view.ts'
import { noteLines, viewOf } from './view.ts'
import { humanDuration } from './words.ts'

const columns = ['NAME', 'REFERENCE', 'TARGETS', 'MINPODS', 'MAXPODS', 'REPLICAS', 'AGE'] as const
/** Beyond kubectl, with -o wide: what is wanted, the limit that binds, and when it was looked at last. */
const wideColumns = ['DESIRED', 'LIMITED', 'LASTSYNC'] as const

/** One table with one row, ending in a newline. */
export function getTable(view: View, nowMs: number, isWide = false): string {
  const table = [header(isWide), cells(view, nowMs, isWide)].map((line) => line.join('\t')).join('\n')
  return `${noteLines(view.newest)}${tabulate(table, getStyle)}\n`
}

/** NAME as `kubectl get -o name` writes it, ending in a newline. */
export function getName({ hpa }: View): string {
  return `horizontalpodautoscaler.autoscaling/${hpa.name}\n`
}

function header(isWide: boolean): readonly string[] {
  return isWide ? [...columns, ...wideColumns] : columns
}

function cells(view: View, nowMs: number, isWide: boolean): string[] {
  const { hpa, newest, reports, currentReplicas } = view
  const { kind, name } = hpa.scaleTargetRef
  const row = [
    hpa.name,
    `${kind}/${name}`,
    targetsColumn(
      hpa.metrics,
      reports.map(({ reasoning }) => reasoning?.current),
    ),
    hpa.minReplicas.toString(),
    hpa.maxReplicas.toString(),
    currentReplicas.toString(),
    humanDuration(nowMs - view.createdMs),
  ]
  if (!isWide) return row
  const lastSync = `${humanDuration(nowMs - Date.parse(newest.time))} ago`
  return [...row, newest.decision.desiredReplicas.toString(), newest.decision.boundBy ?? 'no', lastSync]
}

/**
 * The lines of a watch: the header and the first row, then a row whenever something but the age has changed. Nothing is
 * repainted, and a column that has once been wide stays wide.
 */
export class WatchRows {
  readonly #isWide: boolean
  #widths: number[] = []
  #last: string | null = null
  #notes = ''

  constructor(isWide = false) {
    this.#isWide = isWide
  }

  /** What is to be printed after this record; empty when nothing has changed. `records` end with the newest one. */
  next(records: readonly TickRecord[], nowMs: number): string {
    const view = viewOf(records)
    if (view === null) return ''
    const row = cells(view, nowMs, this.#isWide)
    const known = JSON.stringify([row.slice(0, columns.length - 1), view.newest.decision.desiredReplicas, noteLines(view.newest)])
    if (known === this.#last) return ''
    const isFirst = this.#last === null
    this.#last = known
    const lines = isFirst ? [header(this.#isWide), row] : [row]
    for (const line of lines) {
      this.#widths = line.map((cell, i) => Math.max(this.#widths[i] ?? getStyle.minWidth, cell.length + getStyle.padding))
    }
    const notes = noteLines(view.newest)
    const shownNotes = notes === this.#notes ? '' : notes
    this.#notes = notes
    return `${shownNotes}${lines.map((line) => `${padded(line, this.#widths)}\n`).join('')}`
  }
}

/** For a watch as JSON: one line per synchronisation that changed something. */
export function watchKey({ newest, currentReplicas, reports }: View): string {
  const { desiredReplicas, conditions } = newest.decision
  return JSON.stringify([currentReplicas, desiredReplicas, reports.map(({ reasoning }) => reasoning?.current), conditions, newest.paused])
}
