/** Registers the alert receiver's metrics, which are defined in the shared contract/ folder, in a separate registry. */
import type { MetricSpec } from '@lab/contract/metrics.ts'
import { type RejectionCause, receiverMetrics, rejectionCauses } from '@lab/contract/receiver-metrics.ts'
import { Counter, collectDefaultMetrics, Registry } from 'prom-client'
import type { ReceivedAlert } from './notification.ts'

/** Maximum number of alert names with their own metric series. Every label value uses memory until the process ends. */
const maxNames = 100

export interface ReceiverMetrics {
  registry: Registry
  received(alert: ReceivedAlert): void
  truncated(count: number): void
  rejected(cause: RejectionCause): void
}

export function createReceiverMetrics(): ReceiverMetrics {
  const registry = new Registry()
  collectDefaultMetrics({ register: registry })
  const counter = ({ name, help, labels }: MetricSpec) => new Counter({ name, help, labelNames: [...labels], registers: [registry] })
  const alerts = counter(receiverMetrics.alerts)
  const truncated = counter(receiverMetrics.truncated)
  const rejected = counter(receiverMetrics.rejected)
  for (const cause of rejectionCauses) rejected.inc({ cause }, 0)
  const names = new Set<string>()

  return {
    registry,
    received({ labels, status }) {
      const name = labels.alertname ?? ''
      if (names.size < maxNames) names.add(name)
      alerts.inc({ alertname: names.has(name) ? name : 'other', status })
    },
    truncated: (count) => truncated.inc(count),
    rejected: (cause) => rejected.inc({ cause }),
  }
}
