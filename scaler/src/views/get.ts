/** Formats the output of `get hpa`: kubectl's table, and the rows that a watch appends. */
import { getStyle, padded, tabulate } from './tabulate.ts'
import { targetsColumn } from './targets.ts'
import type { View } from './view.ts'
import { noteLines, noteLinesOf } from './view.ts'
import { humanDuration } from './words.ts'

const columns = ['NAME', 'REFERENCE', 'TARGETS', 'MINPODS', 'MAXPODS', 'REPLICAS', 'AGE'] as const
/** Additional columns with -o wide: the desired count, the active limit, and the time since the last sync. */
const wideColumns = ['DESIRED', 'LIMITED', 'LASTSYNC'] as const

/** Returns a table with one row for each autoscaler and a trailing newline. */
export function getTable(views: readonly View[], nowMs: number, isWide = false): string {
  const table = [header(isWide), ...views.map((view) => cells(view, nowMs, isWide))].map((line) => line.join('\t')).join('\n')
  return `${noteLinesOf(views.map(({ newest }) => newest))}${tabulate(table, getStyle)}\n`
}

/** Returns an autoscaler's name in the format of `kubectl get -o name`, with a trailing newline. */
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
 * Returns the lines of a watch: the header, the first row, and an additional row for each change in a column other than AGE. Lines that
 * have been printed cannot be changed, so columns never become narrower.
 */
export class WatchRows {
  readonly #isWide: boolean
  #widths: number[] = []
  readonly #last = new Map<string, string>()
  #notes = ''

  constructor(isWide = false) {
    this.#isWide = isWide
  }

  /**
   * Returns the lines to print for the newest records, or an empty string if they change nothing in the output.
   * @param views the autoscalers' states
   */
  next(views: readonly View[], nowMs: number): string {
    const isFirst = this.#last.size === 0
    const rows = views.flatMap((view) => {
      const row = cells(view, nowMs, this.#isWide)
      const known = JSON.stringify([row.slice(0, columns.length - 1), view.newest.decision.desiredReplicas, noteLines(view.newest)])
      if (known === this.#last.get(view.hpa.name)) return []
      this.#last.set(view.hpa.name, known)
      return [row]
    })
    if (rows.length === 0) return ''
    const lines = isFirst ? [header(this.#isWide), ...rows] : rows
    for (const line of lines) {
      this.#widths = line.map((cell, i) => Math.max(this.#widths[i] ?? getStyle.minWidth, cell.length + getStyle.padding))
    }
    const notes = noteLinesOf(views.map(({ newest }) => newest))
    const shownNotes = notes === this.#notes ? '' : notes
    this.#notes = notes
    return `${shownNotes}${lines.map((line) => `${padded(line, this.#widths)}\n`).join('')}`
  }
}

/**
 * Returns a key that represents the state in a record. A watch with JSON or YAML output prints a record only if its key differs from the
 * previous record's key.
 */
export function watchKey({ newest, currentReplicas, reports }: View): string {
  const { desiredReplicas, conditions } = newest.decision
  return JSON.stringify([currentReplicas, desiredReplicas, reports.map(({ reasoning }) => reasoning?.current), conditions, newest.paused])
}
