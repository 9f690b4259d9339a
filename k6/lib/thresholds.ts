/** Thresholds of a run. k6 exits with 99 when a threshold is missed. */
import { loadMetrics as m } from '../../contract/src/load-metrics.ts'

/**
 * @param sockets sockets at the peak of the run
 * @returns thresholds in k6's form: expressions by metric, with times in milliseconds
 */
export function thresholdsFor(sockets: number): Record<string, string[]> {
  return {
    [m.connectTime.name]: ['p(95)<2000'],
    [m.messageRtt.name]: ['p(95)<1000'],
    [m.connectSuccess.name]: ['rate>0.95'],
    [m.errors.name]: ['rate<0.01'],
    // A trend without samples passes every threshold, so a threshold on the number of opened sockets must make a run without connections
    // fail.
    [m.socketsOpened.name]: [`count>=${Math.ceil(sockets * 0.95)}`],
    [m.messagesAnswered.name]: ['count>0'],
  }
}

/** Thresholds of the scenario `ledger`: no finding, and at least some messages that were checked. */
export const ledgerThresholds: Record<string, string[]> = {
  [m.ledgerFindings.name]: ['count==0'],
  [m.ledgerAccepted.name]: ['count>0'],
  [m.ledgerDelivered.name]: ['count>0'],
}
