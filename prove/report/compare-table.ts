/** The comparison as a table for terminals and Markdown. Pure. */
import type { Comparison, Side } from './compare.ts'
import { numberText } from './format.ts'

export function compareTable({ rows, notes, worse }: Comparison, names: { before: string; after: string }): string {
  const head = ['', `before (${names.before})`, `after (${names.after})`, 'change', 'verdict']
  const body = rows
    .filter(({ before, after }) => before.median !== null || after.median !== null)
    .map(({ name, unit, before, after, verdict }) => [
      `${name}${unit === '' ? '' : `, ${unit}`}`,
      sideText(before),
      sideText(after),
      changeText(before.median, after.median),
      verdict === 'worse' ? '**worse**' : verdict,
    ])
  const table = [head, head.map((_, i) => (i === 0 ? '---' : '---:')), ...body]
  const widths = head.map((_, column) => Math.max(...table.map((row) => (row[column] ?? '').length)))
  const lines = table.map((row) => `| ${row.map((cell, i) => cell.padEnd(widths[i] ?? 0)).join(' | ')} |`)
  const bad = rows.filter(({ verdict }) => verdict === 'worse').map(({ name }) => name)
  const verdict = worse ? `Worse beyond noise: ${bad.join(', ')}.` : 'Nothing is worse beyond noise.'
  return [...notes.map((note) => `Note: ${note}`), ...(notes.length > 0 ? [''] : []), ...lines, '', verdict, ''].join('\n')
}

function sideText({ median, band }: Side): string {
  return band === null ? numberText(median) : `${numberText(median)} (${numberText(band[0])} to ${numberText(band[1])})`
}

function changeText(before: number | null, after: number | null): string {
  if (before === null || after === null) return ''
  if (before === 0) return after === 0 ? '0 %' : `${after > 0 ? '+' : ''}${numberText(after)}`
  const percent = ((after - before) / Math.abs(before)) * 100
  return `${percent >= 0 ? '+' : ''}${percent.toFixed(1)} %`
}
