/** Writes a test suite's measurements to a file in reports/. */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

const reports = fileURLToPath(new URL('../../reports', import.meta.url))

/**
 * Adds or replaces one measurement in `reports/SUITE-figures.json`. The name of a measurement ends with its unit. Suites may run at the same
 * time, so each has a file of its own; the environment variable LAB_SUITE contains the suite's name (suite.ts).
 */
export function addFigure(name: string, value: unknown): void {
  const path = `${reports}/${process.env.LAB_SUITE}-figures.json`
  mkdirSync(reports, { recursive: true })
  const figures = existsSync(path) ? (JSON.parse(readFileSync(path, 'utf8')) as Record<string, unknown>) : {}
  writeFileSync(path, `${JSON.stringify({ ...figures, [name]: value }, null, 2)}\n`)
}
