/** Annotations of the dashboard pages. */
import { jobs } from '@lab/contract/endpoints.ts'
import { liveMetrics } from '@lab/contract/rollouts.ts'
import { type Mark, newForSeconds } from '../lib/annotations.ts'
import { rolloutColor, stateColors } from '../lib/colors.ts'
import { panelQueries as ask } from '../lib/scopes.ts'
import { perReplica } from '../lib/styles.ts'

/** Returns an annotation for a query whose values are timestamps in Unix seconds; Grafana marks each of these timestamps. */
function times(name: string, expr: string, color: string, text: string): Mark {
  return { name, expr: `${expr} * 1000 and time() - ${expr} < ${newForSeconds}`, color, text, valueIsTime: true }
}

/** Annotation at each event of a rollout or deploy: begin, switch, rollback and end. */
export const rolloutMark = times('Rollout or deploy', `${liveMetrics.rolloutEvent.name}{job="${jobs.live}"}`, rolloutColor, '{{reason}}')

/** Annotations of every dashboard page that shows replicas. */
export const replicaMarks: Mark[] = [
  { name: 'Replica drains', expr: ask.drainingReplicas, color: stateColors.draining, text: `${perReplica} drains` },
  times('Replica started', ask.startedReplicas, stateColors.starting, `${perReplica} started`),
  rolloutMark,
]
