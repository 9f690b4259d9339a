/** Stores the latest alerts, up to a maximum number. */
import type { ReceivedAlert } from './notification.ts'

export class LastAlerts {
  private readonly size: number
  private alerts: ReceivedAlert[] = []

  constructor(size: number) {
    this.size = size
  }

  add(alerts: readonly ReceivedAlert[]): void {
    this.alerts = [...this.alerts, ...alerts].slice(-this.size)
  }

  newestFirst(): ReceivedAlert[] {
    return this.alerts.toReversed()
  }
}
