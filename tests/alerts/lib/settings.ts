/** What the global setup and the tests of alerts agree on. */
import { root } from '../../stack/lib/compose-file.ts'

export const composeFiles = ['compose.yaml', 'compose.k8s-sim.yaml', 'tests/alerts/compose.yaml']

/** Everything these tests write, from the root. */
export const reportFolder = 'reports/alerts'
/** A copy of prometheus/ that may be broken. */
export const prometheusFolder = `${reportFolder}/prometheus`
export const stateFolder = `${reportFolder}/scaler`

/** Replicas at the start, and the sockets each accepts. */
export const replicas = 5
export const maxConnections = 20

export function fromRoot(path: string): string {
  return `${root}${path}`
}
