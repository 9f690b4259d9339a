/** Colours with a meaning: the same thing has the same colour in every panel. */
import type { ReplicaState } from '@lab/contract/metrics.ts'

/** State of a replica. Chosen to differ in brightness as well, for readers who do not see red and green apart. */
export const stateColors: Readonly<Record<ReplicaState, string>> = {
  starting: 'light-blue',
  ready: 'green',
  draining: 'orange',
  closed: 'text',
}

/** A replica that does not answer. */
export const noAnswerColor = 'dark-red'

/** How bad a value is. */
export const severityColors = { fine: 'green', warning: 'orange', critical: 'red' } as const

/** What a line is about. */
export const lineColors = { total: 'text', received: 'blue', sent: 'purple', planned: 'orange', lost: 'red', refused: 'yellow' } as const
