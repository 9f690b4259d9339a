/** Defines the schema of recorded rollout and deploy events, and the Prometheus metric derived from them. */
import { z } from 'zod'
import type { MetricSpec } from './metrics.ts'

/** A rollout or deploy event, similar to an Event object in Kubernetes. */
export const rolloutEvent = z.object({
  /** ISO 8601. */
  time: z.string(),
  type: z.enum(['Normal', 'Warning']),
  /** The reason for the event as a single CamelCase word, such as RolloutStarted. */
  reason: z.string(),
  message: z.string(),
})
export type RolloutEvent = z.infer<typeof rolloutEvent>

/** The metrics that the live page's server derives from the project's recorded rollout events. */
export const liveMetrics = {
  rolloutEvent: {
    kind: 'gauge',
    name: 'lab_rollout_event_timestamp_seconds',
    help: 'Unix time of the last event with this reason in a rollout or deploy.',
    labels: ['reason'],
  },
} as const satisfies Record<string, MetricSpec>
