/** What a query needs beyond load, and how to bring it about: the only reasons for which a panel may be without data. */
import { jobs } from '@lab/contract/endpoints.ts'
import type { PanelQuery } from './queries.ts'

export interface Need {
  name: 'scaler' | 'http' | 'change' | 'event' | 'logging'
  /** In one line, for the table. */
  reason: string
}

/** @returns undefined when load is all it takes */
export function needOf({ kind, panel, expression }: PanelQuery): Need | undefined {
  if (panel === 'Duration of changes' || panel === 'Changes per second')
    return { name: 'change', reason: 'the scaler must have changed the number of replicas once' }
  if (kind === 'annotation') return { name: 'event', reason: 'shows only while it happens: a start, a drain, a decision' }
  if (expression.includes(`job="${jobs.scaler}"`)) return { name: 'scaler', reason: 'only compose.k8s-sim.yaml has a scaler' }
  if (panel === 'HTTP latency at the edge') return { name: 'http', reason: 'somebody must open a page; the load is WebSocket alone' }
  return undefined
}
