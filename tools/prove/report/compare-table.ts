/** Formats a comparison as a table for terminals and for Markdown. Pure. */
import { type Comparison, runsForBand, type Side } from './compare.ts'
import { numberText } from './format.ts'

export function compareTable({ rows, notes, worse }: Comparison, names: { before: string; after: string }): string {
  const head = ['', `before (${names.before})`, `after (${names.after})`, 'change', 'noise', 'verdict']
  const body = rows
    .filter(({ before, after }) => before.runs > 0 || after.runs > 0)
    .map(({ name, unit, before, after, band, verdict }) => [
      `${name}${unit === '' ? '' : `, ${unit}`}`,
      sideText(before),
      sideText(after),
      changeText(before.mean, after.mean),
      bandText(before.mean, band),
      verdict === 'worse' ? '**worse**' : verdict,
    ])
  const table = [head, head.map((_, i) => (i === 0 ? '---' : '---:')), ...body]
  const widths = head.map((_, column) => Math.max(...table.map((row) => (row[column] ?? '').length)))
  const lines = table.map((row) => `| ${row.map((cell, i) => cell.padEnd(widths[i] ?? 0)).join(' | ')} |`)
  const bad = rows.filter(({ verdict }) => verdict === 'worse').map(({ name }) => name)
  const open = rows.some(({ verdict }) => verdict === 'no band')
  const rest = open ? `Rows with "no band" are not judged, because a band needs ${runsForBand} runs on each side.` : ''
  const verdict = `${worse ? `Worse beyond noise: ${bad.join(', ')}.` : 'Nothing is worse beyond noise.'} ${rest}`.trim()
  return [...notes.map((note) => `Note: ${note}`), ...(notes.length > 0 ? [''] : []), ...lines, '', verdict, ''].join('\n')
}

/** Formats the mean and, if there are several runs, the range. */
function sideText({ mean, least, most, runs }: Side): string {
  return runs < 2 ? numberText(mean) : `${numberText(mean)} (${numberText(least)} to ${numberText(most)})`
}

/** Returns the noise band as a percentage of the previous value, or as a plain number if the previous value is 0. */
function bandText(before: number | null, band: number | null): string {
  if (before === null || band === null) return ''
  return before === 0 ? `± ${numberText(band)}` : `± ${((band / Math.abs(before)) * 100).toFixed(1)} %`
}

function changeText(before: number | null, after: number | null): string {
  if (before === null || after === null) return ''
  if (before === 0) return after === 0 ? '0 %' : `${after > 0 ? '+' : ''}${numberText(after)}`
  const percent = ((after - before) / Math.abs(before)) * 100
  return `${percent >= 0 ? '+' : ''}${percent.toFixed(1)} %`
}
