/** Settings that the alert tests and their global setup share. */
import { root } from '../../stack/lib/compose-file.ts'

export const composeFiles = ['compose.yaml', 'compose.k8s-sim.yaml', 'tests/alerts/compose.yaml']

/** The alert tests' output folder, relative to the repository root. */
export const reportFolder = 'reports/alerts'
/** The folder with a copy of prometheus/ that the tests may modify. */
export const prometheusFolder = `${reportFolder}/prometheus`
export const stateFolder = `${reportFolder}/scaler`

/** The initial number of replicas, and the maximum number of sockets per replica. */
export const replicas = 5
export const maxConnections = 20

export function fromRoot(path: string): string {
  return `${root}${path}`
}
