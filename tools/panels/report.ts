/** Writes a table of the panels, their series and the newest values, as Markdown and as JSON. */
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { table } from '@lab/host/markdown.ts'
import type { PanelAnswer } from './watch.ts'

const folder = join(import.meta.dirname, '..', '..', 'reports')

/** The maximum number of series per query that the table shows; any others are only counted. */
const shownSeries = 8

/** Renders the table, dashboard by dashboard. @param taken the time of the queries, in ISO 8601 format */
export function panelTable(answers: PanelAnswer[], taken: string): string {
  const pages = [...new Set(answers.map(({ page }) => page))]
  const sections = pages.map((page) => `## ${page}\n\n${pageTable(answers.filter((answer) => answer.page === page))}`)
  return `# Panels at ${taken}\n\n${summary(answers)}\n\n${sections.join('\n\n')}\n`
}

/** Returns one line that reports how many queries have data. */
export function summary(answers: PanelAnswer[]): string {
  const filled = answers.filter(({ series }) => series.length > 0).length
  const panels = new Set(answers.filter(({ kind }) => kind === 'panel').map(({ page, panel }) => `${page}/${panel}`)).size
  return `${panels} panels; ${filled} of ${answers.length} queries of panels and annotations had data.`
}

/** Writes reports/NAME.md and reports/NAME.json. @returns the table */
export function writeReport(name: string, answers: PanelAnswer[], taken: string): string {
  const text = panelTable(answers, taken)
  mkdirSync(folder, { recursive: true })
  writeFileSync(join(folder, `${name}.md`), text)
  writeFileSync(join(folder, `${name}.json`), `${JSON.stringify({ taken, answers }, null, 2)}\n`)
  return text
}

function pageTable(answers: PanelAnswer[]): string {
  const rows = answers.flatMap(({ panel, kind, refId, series, need }) => {
    const name = kind === 'panel' ? `${panel} ${refId}` : `annotation: ${panel}`
    if (series.length === 0) return [[name, '', need === undefined ? 'NO DATA' : `no data: ${need.reason}`]]
    const shown = series.slice(0, shownSeries).map(({ labels, value }) => [name, labelText(labels), valueText(value)])
    return series.length > shownSeries ? [...shown, [name, `and ${series.length - shownSeries} more`, '']] : shown
  })
  return table(['Panel', 'Series', 'Newest value'], rows)
}

function labelText(labels: Readonly<Record<string, string>>): string {
  return Object.entries(labels)
    .filter(([label]) => label !== '__name__')
    .map(([label, value]) => `${label}=${value}`)
    .join(' ')
}

/** Formats a value with four significant digits, so that a small value is not rounded to zero. */
function valueText(value: number): string {
  return Number.isInteger(value) ? String(value) : String(Number(value.toPrecision(4)))
}
