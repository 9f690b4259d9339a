/** Builds a report as a single self-contained HTML file, with tables and links. Pure. */
import { styles } from './styles.ts'

/**
 * Returns a complete HTML document with an inline stylesheet. The generated file contains no scripts or fonts and sends no requests.
 * @param title the title as plain text
 * @param body markup
 */
export function page(title: string, body: string): string {
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${escaped(title)}</title>
<style>${styles}</style>
</head>
<body>
${body}
</body>
</html>
`
}

/** Escapes a string for use in markup and in attribute values. */
export function escaped(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;')
}

/** Converts each URL in a string into a link, and escapes the rest of the string. */
export function withLinks(text: string): string {
  return text
    .split(/(https:\/\/[^\s,;)]+)/)
    .map((part, i) => (i % 2 === 1 ? `<a href="${escaped(part)}">${escaped(part.replace('https://', ''))}</a>` : escaped(part)))
    .join('')
}

/** A table cell. A cell with `text` is escaped, a cell with `html` is inserted unchanged, and a cell with `number` is right-aligned. */
export type Cell = string | { html: string } | { number: string }

export interface TableOptions {
  caption: string
  titles: readonly string[]
  rows: readonly (readonly Cell[])[]
}

/**
 * Renders a table whose first column contains row headers. Wide tables can be scrolled horizontally, with the mouse or with the keyboard.
 */
export function table({ caption, titles, rows }: TableOptions): string {
  const isNumber = (column: number) => rows.some((cells) => typeof cells[column] === 'object' && 'number' in cells[column])
  const head = titles.map((title, column) => `<th scope="col"${isNumber(column) ? ' class="number"' : ''}>${escaped(title)}</th>`).join('')
  const body = rows.map((cells) => `<tr>${cells.map((cell, i) => cellHtml(cell, i === 0)).join('')}</tr>`).join('\n')
  return `<div class="scroll" role="region" aria-label="${escaped(caption)}" tabindex="0"><table>
<caption>${escaped(caption)}</caption>
<thead><tr>${head}</tr></thead>
<tbody>
${body}
</tbody></table></div>`
}

function cellHtml(cell: Cell, isName: boolean): string {
  if (typeof cell !== 'string') return 'html' in cell ? `<td>${cell.html}</td>` : `<td class="number">${escaped(cell.number)}</td>`
  return isName ? `<th scope="row">${escaped(cell)}</th>` : `<td>${escaped(cell)}</td>`
}
