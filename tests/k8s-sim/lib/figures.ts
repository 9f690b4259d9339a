/** What the runs of the scaler measure on the way, in reports/k8s-sim-figures.json. */
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { fromRoot } from './settings.ts'

const path = fromRoot('reports/k8s-sim-figures.json')

/** Adds one figure, or replaces it; its unit is the end of its name. */
export function addFigure(name: string, value: unknown): void {
  const figures = existsSync(path) ? (JSON.parse(readFileSync(path, 'utf8')) as Record<string, unknown>) : {}
  writeFileSync(path, `${JSON.stringify({ ...figures, [name]: value }, null, 2)}\n`)
}
