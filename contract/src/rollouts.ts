/** Defines the schemas of recorded events (rollouts, deploys and faults), and the Prometheus metrics derived from them. */
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

/** The begin or the end of a fault. */
export const faultEvent = z.object({
  /** ISO 8601. */
  time: z.string(),
  fault: z.string(),
  phase: z.enum(['begun', 'undone']),
})
export type FaultEvent = z.infer<typeof faultEvent>

/** The content of a project's record of faults, oldest event first. */
export const faultRecord = z.object({ events: z.array(faultEvent) })

/** The metrics that the live page's server derives from the project's recorded events. */
export const liveMetrics = {
  rolloutEvent: {
    kind: 'gauge',
    name: 'lab_rollout_event_timestamp_seconds',
    help: 'Unix time of the last event with this reason in a rollout or deploy.',
    labels: ['reason'],
  },
  faultEvent: {
    kind: 'gauge',
    name: 'lab_fault_event_timestamp_seconds',
    help: 'Unix time at which a fault last began, and at which it was last undone.',
    labels: ['fault', 'phase'],
  },
} as const satisfies Record<string, MetricSpec>
