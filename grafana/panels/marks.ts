/** Marks that every page with replicas shows. */
import { type Mark, newForSeconds } from '../lib/annotations.ts'
import { stateColors } from '../lib/colors.ts'
import { panelQueries as ask } from '../lib/scopes.ts'
import { perReplica } from '../lib/styles.ts'

export const replicaMarks: Mark[] = [
  { name: 'Replica drains', expr: ask.drainingReplicas, color: stateColors.draining, text: `${perReplica} drains` },
  {
    name: 'Replica started',
    expr: `${ask.startedReplicas} * 1000 and time() - ${ask.startedReplicas} < ${newForSeconds}`,
    color: stateColors.starting,
    text: `${perReplica} started`,
    valueIsTime: true,
  },
]
