/** Columns as kubectl lays them out, which is Go's text/tabwriter: tests compare the output line by line. */

export interface ColumnStyle {
  /** A cell takes at least so many characters, padding included. */
  readonly minWidth: number
  readonly padding: number
}

/** Tables of `kubectl get`. */
export const getStyle: ColumnStyle = { minWidth: 6, padding: 3 }
/** Everything in `kubectl describe`. */
export const describeStyle: ColumnStyle = { minWidth: 0, padding: 2 }

/**
 * A cell ends with a tab; what follows the last tab of a line belongs to no column. Neighbouring lines that have a cell
 * in the same column share its width, so a line without tabs starts a new table.
 */
export function tabulate(text: string, style: ColumnStyle): string {
  const lines = text.split('\n').map((line) => line.split('\t'))
  const widths: number[][] = lines.map(() => [])
  layOut(lines, widths, 0, lines.length, 0, style)
  return lines.map((cells, i) => padded(cells, widths[i] ?? [])).join('\n')
}

/** Gives every block of neighbouring lines with a cell in `column` one width, then looks at the next column within it. */
function layOut(lines: readonly string[][], widths: number[][], from: number, to: number, column: number, style: ColumnStyle): void {
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
    layOut(lines, widths, start, line, column + 1, style)
  }
}

/** One line; cells beyond the known widths stay as they are. */
export function padded(cells: readonly string[], widths: readonly number[]): string {
  return cells.map((cell, i) => (i < cells.length - 1 ? cell.padEnd(widths[i] ?? 0) : cell)).join('')
}
