/** Colours with a meaning: the same thing has the same colour in every panel of every page. */
import type { CloseCause } from '@lab/contract/close-codes.ts'
import type { ReplicaState } from '@lab/contract/metrics.ts'
import type { ProposalStage } from '@lab/contract/scaler-metrics.ts'

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

/** How much of the answers a quantile speaks for. */
export const quantileColors = { p50: 'green', p95: 'orange', p99: 'red' } as const

/** Who counts: the load generator, the router, the replicas or their store. */
export const systemColors = { k6: 'purple', traefik: 'blue', replicas: 'green', valkey: 'orange' } as const

/** A number that is wanted, the one there is, and the limits it stays within. */
export const countColors = { current: 'green', desired: 'blue', limit: 'text' } as const

/** How far the scaler has come with a proposal. */
export const stageColors: Readonly<Record<ProposalStage, string>> = {
  recommended: 'light-purple',
  stabilized: 'light-blue',
  policy_limited: 'yellow',
  bounded: 'blue',
}

/** Why connections end: as agreed, because a replica leaves, because of what a client did, because nobody answers, or lost. */
export const closeColors: Readonly<Record<CloseCause, string>> = {
  normal: 'green',
  going_away: 'light-green',
  no_status: 'dark-green',
  moving_on: 'light-blue',
  replaced: 'blue',
  draining: lineColors.planned,
  idle: 'text',
  protocol_error: 'purple',
  invalid_payload: 'light-purple',
  rate_abuse: 'dark-purple',
  frame_too_large: 'super-light-purple',
  slow_reader: 'dark-yellow',
  heartbeat_lost: lineColors.refused,
  abnormal: lineColors.lost,
  internal: 'dark-red',
  other: 'super-light-blue',
}
