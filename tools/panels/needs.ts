/**
 * Defines the conditions, apart from load, under which a query returns data. A panel may be empty only if its query's condition is not met.
 */
import { jobs } from '@lab/contract/endpoints.ts'
import { liveMetrics } from '@lab/contract/rollouts.ts'
import type { PanelQuery } from './queries.ts'

export interface Need {
  name: 'scaler' | 'change' | 'event' | 'rollout' | 'fault' | 'logging'
  /** The reason why a query has no data, as a line for the table. */
  reason: string
}

/** Returns the condition that must be met for a query to return data; undefined if load alone is sufficient. */
export function needOf({ kind, panel, expression }: PanelQuery): Need | undefined {
  if (panel === 'Duration of changes' || panel === 'Changes per second')
    return { name: 'change', reason: 'the scaler has not changed the number of replicas yet' }
  if (expression.includes(liveMetrics.rolloutEvent.name)) return { name: 'rollout', reason: 'there was no rollout and no deploy yet' }
  if (expression.includes(liveMetrics.faultEvent.name)) return { name: 'fault', reason: 'no fault was injected yet' }
  if (kind === 'annotation') return { name: 'event', reason: 'only has data during an event: a start, a drain, or a decision' }
  if ([jobs.scaler, jobs.kubeStateMetrics].some((job) => expression.includes(`job="${job}"`)))
    return { name: 'scaler', reason: 'the scaler runs with compose.k8s-sim.yaml only' }
  return undefined
}
