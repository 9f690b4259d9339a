/** Thresholds for k6 runs, which exit with code 99 if a threshold is missed. */
import { loadMetrics as m } from '../../contract/src/load-metrics.ts'

/**
 * @param sockets number of sockets at the run's peak
 * @returns thresholds in k6's format: expressions by metric, with times in milliseconds
 */
export function thresholdsFor(sockets: number): Record<string, string[]> {
  return {
    [m.connectTime.name]: ['p(95)<2000'],
    [m.messageRtt.name]: ['p(95)<1000'],
    [m.connectSuccess.name]: ['rate>0.95'],
    [m.errors.name]: ['rate<0.01'],
    // A trend without samples passes every threshold, so the number of opened sockets has a threshold of its own.
    [m.socketsOpened.name]: [`count>=${Math.ceil(sockets * 0.95)}`],
    [m.messagesAnswered.name]: ['count>0'],
  }
}

/**
 * Thresholds for a scenario whose sockets are held: each socket is opened exactly once. The client library would replace a socket that
 * closes, and the number of opened sockets would be higher.
 */
export function heldThresholds(sockets: number): Record<string, string[]> {
  return { ...thresholdsFor(sockets), [m.socketsOpened.name]: [`count==${sockets}`] }
}

/** Thresholds for the `ledger` scenario: no findings, at least one stored message, and at least one delivery. */
export const ledgerThresholds: Record<string, string[]> = {
  [m.ledgerFindings.name]: ['count==0'],
  [m.ledgerAccepted.name]: ['count>0'],
  [m.ledgerDelivered.name]: ['count>0'],
}
