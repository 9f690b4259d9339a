/** Aligns columns like kubectl, which uses Go's text/tabwriter. The view tests compare the aligned output with stored snapshots. */

export interface ColumnStyle {
  /** Minimum width of a cell in characters, including padding. */
  readonly minWidth: number
  readonly padding: number
}

/** Table style of `kubectl get`. */
export const getStyle: ColumnStyle = { minWidth: 6, padding: 3 }
/** Table style of `kubectl describe`. */
export const describeStyle: ColumnStyle = { minWidth: 0, padding: 2 }

/**
 * Aligns the columns of a string whose cells are terminated by tabs. Text after the last tab on a line belongs to no column. Consecutive
 * lines with a cell in the same column share that column's width, so a line without tabs starts a new table.
 */
export function tabulate(text: string, style: ColumnStyle): string {
  const lines = text.split('\n').map((line) => line.split('\t'))
  const widths: number[][] = lines.map(() => [])
  layOut({ lines, widths, style }, { from: 0, to: lines.length, column: 0 })
  return lines.map((cells, i) => padded(cells, widths[i] ?? [])).join('\n')
}

interface Table {
  readonly lines: readonly string[][]
  /** The column widths of each line, which are calculated column by column. */
  readonly widths: readonly number[][]
  readonly style: ColumnStyle
}

/** The lines from `from` (inclusive) to `to` (exclusive). */
interface Block {
  readonly from: number
  readonly to: number
  readonly column: number
}

/** Sets a common width for each block of consecutive lines with a cell in `column`, and then aligns the next column in the block. */
function layOut(table: Table, { from, to, column }: Block): void {
  const { lines, widths, style } = table
  const cellAt = (line: number): string | undefined => (line < to ? lines[line]?.slice(0, -1)[column] : undefined)
  let line = from
  while (line < to) {
    const start = line
    let width = style.minWidth
    for (let cell = cellAt(line); cell !== undefined; cell = cellAt(line)) {
      width = Math.max(width, cell.length + style.padding)
      line += 1
    }
    if (line === start) {
      line += 1
      continue
    }
    for (let i = start; i < line; i += 1) widths[i]?.push(width)
    layOut(table, { from: start, to: line, column: column + 1 })
  }
}

/** Returns a table line with padded cells. Cells without an entry in `widths` are not padded. */
export function padded(cells: readonly string[], widths: readonly number[]): string {
  return cells.map((cell, i) => (i < cells.length - 1 ? cell.padEnd(widths[i] ?? 0) : cell)).join('')
}
