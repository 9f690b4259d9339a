/** Writes the scaler tests' measurements to reports/k8s-sim-figures.json. */
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { fromRoot } from './settings.ts'

const path = fromRoot('reports/k8s-sim-figures.json')

/** Adds or replaces a measurement, whose name must end with its unit. */
export function addFigure(name: string, value: unknown): void {
  const figures = existsSync(path) ? (JSON.parse(readFileSync(path, 'utf8')) as Record<string, unknown>) : {}
  writeFileSync(path, `${JSON.stringify({ ...figures, [name]: value }, null, 2)}\n`)
}
