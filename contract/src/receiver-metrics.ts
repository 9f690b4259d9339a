/** Defines every metric of the alert receiver, with its labels. */
import type { MetricSpec } from './metrics.ts'

export const receiverMetrics = {
  alerts: {
    kind: 'counter',
    name: 'alert_receiver_alerts_total',
    help: 'Alerts received, by name and status (firing or resolved). Alert names beyond the first hundred are counted as "other".',
    labels: ['alertname', 'status'],
  },
  truncated: {
    kind: 'counter',
    name: 'alert_receiver_truncated_alerts_total',
    help: 'Alerts that Alertmanager dropped from notifications that contained too many alerts.',
    labels: [],
  },
  rejected: {
    kind: 'counter',
    name: 'alert_receiver_rejected_total',
    help: 'Notifications that were refused, by cause (invalid or too_large).',
    labels: ['cause'],
  },
} as const satisfies Record<string, MetricSpec>

export type ReceiverMetricKey = keyof typeof receiverMetrics

/** Values of the `status` label for received alerts. */
export const alertStatuses = ['firing', 'resolved'] as const

/** Values of the `cause` label for refused notifications. */
export const rejectionCauses = ['invalid', 'too_large'] as const
export type RejectionCause = (typeof rejectionCauses)[number]
