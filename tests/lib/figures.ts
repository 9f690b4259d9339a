/** Writes the test suites' measurements to files in reports/. */
import { existsSync, readFileSync, writeFileSync } from 'node:fs'

/** Adds or replaces one measurement. The name of a measurement ends with its unit. */
export type AddFigure = (name: string, value: unknown) => void

/** Returns the function that writes measurements to a JSON file. @param path path of the JSON file */
export function figuresIn(path: string): AddFigure {
  return (name, value) => {
    const figures = existsSync(path) ? (JSON.parse(readFileSync(path, 'utf8')) as Record<string, unknown>) : {}
    writeFileSync(path, `${JSON.stringify({ ...figures, [name]: value }, null, 2)}\n`)
  }
}
