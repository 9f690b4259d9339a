/** Settings that the global setup and the tests of the scaler share. */
import { root } from '../../stack/lib/compose-file.ts'

/**
 * In the tests, periods and windows have a fifth of their normal length; for example, the scaler runs every 3 s, which is shorter than the
 * scrape interval.
 */
export const timeScale = 5

/** The folders with the decision log and the pause file of the scaler in its container and on the host, relative to the root. */
export const stateFolder = 'reports/scaler-test'
export const hostStateFolder = 'reports/scaler-test-host'

/** Both Compose files, for every `docker compose` command of these tests. */
export const composeFiles = ['compose.yaml', 'compose.k8s-sim.yaml']

export function fromRoot(path: string): string {
  return `${root}${path}`
}
