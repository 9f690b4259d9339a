/** What a run must reach; a missed threshold makes k6 exit with 99. */
import { loadMetrics as m } from '../../contract/src/load-metrics.ts'

/**
 * @param sockets sockets at the peak of the run
 * @returns thresholds as k6 reads them: metric → expressions, times in milliseconds
 */
export function thresholdsFor(sockets: number): Record<string, string[]> {
  return {
    [m.connectTime.name]: ['p(95)<2000'],
    [m.messageRtt.name]: ['p(95)<1000'],
    [m.connectSuccess.name]: ['rate>0.95'],
    [m.errors.name]: ['rate<0.01'],
    // A metric without a single sample passes any threshold on its size, so a run in which nothing connected has to fail by count.
    [m.socketsOpened.name]: [`count>=${Math.ceil(sockets * 0.95)}`],
    [m.messagesAnswered.name]: ['count>0'],
  }
}

/** What a run of the scenario `ledger` must reach: nothing wrong, and something that could have been. */
export const ledgerThresholds: Record<string, string[]> = {
  [m.ledgerFindings.name]: ['count==0'],
  [m.ledgerAccepted.name]: ['count>0'],
  [m.ledgerDelivered.name]: ['count>0'],
}
