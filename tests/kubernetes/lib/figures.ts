/** Writes the cluster tests' measurements to reports/kubernetes-figures.json. */
import { root } from '@lab/host/root.ts'
import { figuresIn } from '../../lib/figures.ts'

export const addFigure = figuresIn(`${root}reports/kubernetes-figures.json`)
