/**
 * `npm run compare`: two sets of proof reports, before and after, metric by metric. Exit codes: 0 nothing is worse beyond
 * noise, 1 something is, 2 they could not be read.
 */
import { readdirSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { compare } from './report/compare.ts'
import { compareTable } from './report/compare-table.ts'
import { type ProofReport, readReport } from './report/schema.ts'

const usage = `npm run compare -- BEFORE AFTER
  BEFORE, AFTER   a report.json, several with commas between, or a folder with some (*.json, */report.json, */proof/report.json)
                  of each at least three runs, or there is no verdict but on messages and connections lost
Exit code 0: nothing is worse beyond noise; 1: something is; 2: they could not be read.`

function main(args: readonly string[]): number {
  const { values, positionals } = parseArgs({
    args: [...args],
    allowPositionals: true,
    options: { help: { type: 'boolean' } },
  })
  if (values.help) {
    console.log(usage)
    return 0
  }
  const [before, after, ...more] = positionals
  if (before === undefined || after === undefined || more.length > 0) throw new Error('two sets of reports are compared: BEFORE and AFTER')
  const comparison = compare(reportsAt(before), reportsAt(after))
  console.log(compareTable(comparison, { before, after }))
  return comparison.worse ? 1 : 0
}

function reportsAt(place: string): ProofReport[] {
  const files = place.split(',').flatMap((path) => (statSync(path).isDirectory() ? filesIn(path) : [path]))
  if (files.length === 0) throw new Error(`${place}: no report in it`)
  return files.map((file) => readReport(readFileSync(file, 'utf8'), file))
}

function filesIn(folder: string): string[] {
  return readdirSync(folder, { withFileTypes: true })
    .flatMap((entry) => {
      if (entry.isFile() && entry.name.endsWith('.json')) return [join(folder, entry.name)]
      if (!entry.isDirectory()) return []
      const inner = ['', 'proof'].map((name) => join(folder, entry.name, name, 'report.json'))
      return inner.filter((file) => statSync(file, { throwIfNoEntry: false })?.isFile())
    })
    .sort()
}

try {
  process.exitCode = main(process.argv.slice(2))
} catch (error) {
  console.error(`${(error as Error).message}\n${usage}`)
  process.exitCode = 2
}
