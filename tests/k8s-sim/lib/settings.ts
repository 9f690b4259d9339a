/** Settings that the scaler tests and their global setup share. */
import { root } from '../../stack/lib/compose-file.ts'

/**
 * In these tests, the scaler's periods and windows are a fifth of their normal length; for example, it decides every 3 s, more often than
 * Prometheus scrapes.
 */
export const timeScale = 5

/**
 * The folders that contain the decision log and the pause file, for the scaler in its container and for the one on the host, relative to
 * the repository root.
 */
export const stateFolder = 'reports/scaler-test'
export const hostStateFolder = 'reports/scaler-test-host'

/** Both Compose files, which every `docker compose` command in these tests uses. */
export const composeFiles = ['compose.yaml', 'compose.k8s-sim.yaml']

export function fromRoot(path: string): string {
  return `${root}${path}`
}
