/** The lab's k6 metrics, whose names are defined in contract/. */
import { check } from 'k6'
import { Counter, Rate, Trend } from 'k6/metrics'
import { loadChecks, loadMetrics as specs } from '../../contract/src/load-metrics.ts'

export const connectTime = new Trend(specs.connectTime.name, true)
export const connectSuccess = new Rate(specs.connectSuccess.name)
export const messageRtt = new Trend(specs.messageRtt.name, true)
export const roomDelivery = new Trend(specs.roomDelivery.name, true)
export const errors = new Rate(specs.errors.name)
export const stickyReturns = new Rate(specs.stickyReturns.name)
export const socketsOpened = new Counter(specs.socketsOpened.name)
export const socketsClosed = new Counter(specs.socketsClosed.name)
export const sessionsAttached = new Counter(specs.sessionsAttached.name)
export const messagesSent = new Counter(specs.messagesSent.name)
export const messagesAnswered = new Counter(specs.messagesAnswered.name)
export const ledgerAccepted = new Counter(specs.ledgerAccepted.name)
export const ledgerDelivered = new Counter(specs.ledgerDelivered.name)
export const ledgerFindings = new Counter(specs.ledgerFindings.name)

/** Records a passed or failed check, in addition to the lab's metrics. */
export function recordCheck(name: keyof typeof loadChecks, passed: boolean): void {
  check(passed, { [loadChecks[name]]: (value) => value })
}
