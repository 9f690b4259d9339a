/** Writes the scaler tests' measurements to reports/k8s-sim-figures.json. */
import { figuresIn } from '../../lib/figures.ts'
import { fromRoot } from './settings.ts'

export const addFigure = figuresIn(fromRoot('reports/k8s-sim-figures.json'))
