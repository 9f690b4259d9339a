/** Assigns each meaning one colour, which all panels on all dashboards use. */
import type { CloseCause } from '@lab/contract/close-codes.ts'
import type { ReplicaState } from '@lab/contract/metrics.ts'
import type { ProposalStage } from '@lab/contract/scaler-metrics.ts'

/** States of a replica. The state colours also differ in brightness, for readers with colour blindness. */
export const stateColors: Readonly<Record<ReplicaState, string>> = {
  starting: 'light-blue',
  ready: 'green',
  draining: 'orange',
  closed: 'text',
}

/** Colours of the annotations, which differ from each other in hue. */
export const markColors = { started: 'light-blue', drains: 'orange', decision: '#FF66CC', rollout: 'purple', fault: 'red' } as const

/**
 * The colour of each replica, in every panel, by the last digit of the replica's number: ws-1 and ws-11 have the same colour. None of the
 * hues has another meaning.
 */
export const replicaColors = [
  '#8B5E3C',
  '#14B8A6',
  '#818CF8',
  '#A3E635',
  '#38BDF8',
  '#D4A373',
  '#94A3B8',
  '#0F766E',
  '#4D7C0F',
  '#7DD3FC',
] as const

/** Colour for a replica that does not respond to Prometheus. */
export const noAnswerColor = 'dark-red'

/** Severity of a value. */
export const severityColors = { fine: 'green', warning: 'orange', critical: 'red' } as const

/** Meaning of a line. */
export const lineColors = {
  total: 'text',
  received: 'blue',
  sent: 'purple',
  planned: 'orange',
  /** A client that is asked to connect to another replica, which is planned as well. */
  asked: 'light-orange',
  lost: 'red',
  refused: 'yellow',
} as const

/** Quantiles. */
export const quantileColors = { p50: 'green', p95: 'orange', p99: 'red' } as const

/** Colours for the systems that report a count: the load generator, Traefik, the replicas and their store. */
export const systemColors = { k6: 'purple', traefik: 'blue', replicas: 'green', valkey: 'orange' } as const

/** Colours for the desired number of replicas, the current number, and the limits. */
export const countColors = { current: 'green', desired: 'blue', limit: 'text', least: 'super-light-blue' } as const

/** Colours for the steps of a scaler decision. */
export const proposalColors: Readonly<Record<ProposalStage, string>> = {
  recommended: 'light-purple',
  stabilized: 'light-blue',
  policy_limited: 'yellow',
  bounded: 'blue',
}

/** Colours for the reasons why connections close, such as a drain or a client error. */
export const closeColors: Readonly<Record<CloseCause, string>> = {
  normal: 'green',
  going_away: 'light-green',
  no_status: 'dark-green',
  moving_on: lineColors.asked,
  replaced: 'blue',
  draining: lineColors.planned,
  idle: 'text',
  protocol_error: 'purple',
  invalid_payload: 'light-purple',
  rate_abuse: 'dark-purple',
  frame_too_large: 'super-light-purple',
  slow_reader: 'dark-yellow',
  resource_limit: 'super-light-yellow',
  heartbeat_lost: lineColors.refused,
  abnormal: lineColors.lost,
  internal: 'dark-red',
  other: 'super-light-blue',
}
