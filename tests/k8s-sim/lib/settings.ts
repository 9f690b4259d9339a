/** What the global setup and the tests of the scaler agree on. */
import { root } from '../../stack/lib/compose-file.ts'

/** Periods and windows pass five times as fast: a sync every 3 s, which is still within one scrape interval. */
export const timeScale = 5

/** The scaler's decision log and pause file, from the project's root, and of the scaler that runs on the host. */
export const stateFolder = 'reports/scaler-test'
export const hostStateFolder = 'reports/scaler-test-host'

/** Both files, for every `docker compose` of these tests. */
export const composeFiles = ['compose.yaml', 'compose.k8s-sim.yaml']

export function fromRoot(path: string): string {
  return `${root}${path}`
}
