/** Annotations that the dashboards share. */
import { jobs } from '@lab/contract/endpoints.ts'
import { liveMetrics } from '@lab/contract/rollouts.ts'
import { type Mark, newForSeconds } from '../lib/annotations.ts'
import { markColors } from '../lib/colors.ts'
import { panelQueries as ask } from '../lib/scopes.ts'
import { perReplica } from '../lib/styles.ts'
import { decisions } from './scaler.ts'

/** Returns an annotation for a query whose values are Unix timestamps in seconds; Grafana marks each of them. */
function times(name: string, expr: string, color: string, text: string): Mark {
  return { name, expr: `${expr} * 1000 and time() - ${expr} < ${newForSeconds}`, color, text, valueIsTime: true }
}

/** Marks each event of a rollout or deploy: start, switch, rollback and end. */
const rolloutMark = times('Rollout or deploy', `${liveMetrics.rolloutEvent.name}{job="${jobs.live}"}`, markColors.rollout, '{{reason}}')

/** Marks the begin and the end of each fault that a tool injects. */
const faultMark = times('Fault', `${liveMetrics.faultEvent.name}{job="${jobs.live}"}`, markColors.fault, '{{fault}} {{phase}}')

/** The annotations of every dashboard. */
export const marks: Mark[] = [
  decisions,
  { name: 'Replica drains', expr: ask.drainingReplicas, color: markColors.drains, text: `${perReplica} drains` },
  times('Replica started', ask.startedReplicas, markColors.started, `${perReplica} started`),
  rolloutMark,
  faultMark,
]
