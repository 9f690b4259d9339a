/** Settings that the global setup and the tests of alerts share. */
import { root } from '../../stack/lib/compose-file.ts'

export const composeFiles = ['compose.yaml', 'compose.k8s-sim.yaml', 'tests/alerts/compose.yaml']

/** The output folder of the alert tests, relative to the root. */
export const reportFolder = 'reports/alerts'
/** A copy of prometheus/ that the tests may modify. */
export const prometheusFolder = `${reportFolder}/prometheus`
export const stateFolder = `${reportFolder}/scaler`

/** The number of replicas at the start, and the maximum number of sockets per replica. */
export const replicas = 5
export const maxConnections = 20

export function fromRoot(path: string): string {
  return `${root}${path}`
}
