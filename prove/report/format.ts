/** Numbers, amounts and markup for people. Pure. */

export const notMeasured = 'not measured'

/** Three significant figures, or all of a whole number; thousands apart. */
export function numberText(value: number | null): string {
  if (value === null) return notMeasured
  if (Number.isInteger(value)) return value.toLocaleString('en-US')
  if (Math.abs(value) >= 1000) return Math.round(value).toLocaleString('en-US')
  return Number(value.toPrecision(3)).toLocaleString('en-US', { maximumFractionDigits: 12 })
}

export function withUnit(value: number | null, unit: string): string {
  return value === null || unit === '' ? numberText(value) : `${numberText(value)} ${unit}`
}

/** Shares near one keep the digits that matter: 99.9871 %. */
export function percentText(share: number | null): string {
  return share === null ? notMeasured : `${Number((share * 100).toFixed(4))} %`
}

/** Milliseconds in the unit that suits them. */
export function durationText(ms: number | null): string {
  if (ms === null) return notMeasured
  return ms >= 10_000 ? `${numberText(ms / 1000)} s` : `${numberText(ms)} ms`
}

/** Amounts of money are tiny: four significant figures, never a power of ten. */
export function moneyText(amount: number | null, currency: string): string {
  if (amount === null) return notMeasured
  const digits = amount === 0 ? 2 : Math.min(20, Math.max(2, 3 - Math.floor(Math.log10(Math.abs(amount)))))
  return `${amount.toFixed(digits)} ${currency}`
}

export function escaped(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;')
}

/** An address within a text becomes a link; the rest is escaped. */
export function withLinks(text: string): string {
  return text
    .split(/(https:\/\/[^\s,;)]+)/)
    .map((part, i) => (i % 2 === 1 ? `<a href="${escaped(part)}">${escaped(part.replace('https://', ''))}</a>` : escaped(part)))
    .join('')
}

/** A cell: text is escaped; `html` stands as it is; `number` is set to the right. */
export type Cell = string | { html: string } | { number: string }

export interface TableOptions {
  caption: string
  titles: readonly string[]
  rows: readonly (readonly Cell[])[]
}

/** A table whose first cell of each row names it. It scrolls by itself where it is too wide, by keyboard as well. */
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
