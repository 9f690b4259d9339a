/** What the engine answers, and what it carries from one synchronisation to the next. All of it is plain JSON. */
import type { MetricTarget, MetricType } from './types.ts'

export type ConditionType = 'AbleToScale' | 'ScalingActive' | 'ScalingLimited' | 'ScaledToZero'

export interface Condition {
  readonly type: ConditionType
  readonly status: 'True' | 'False'
  readonly reason: string
  readonly message: string
  /** When the status changed last; a new reason alone does not count. */
  readonly sinceSeconds: number
}

export interface HpaEvent {
  readonly type: 'Normal' | 'Warning'
  readonly reason: string
  readonly message: string
}

export type LimitReason = 'DesiredWithinRange' | 'TooManyReplicas' | 'TooFewReplicas' | 'ScaleUpLimit' | 'ScaleDownLimit'

/** Current values as the status shows them. */
export interface MetricCurrent {
  readonly averageUtilization?: number
  readonly averageValueMilli?: number
  readonly valueMilli?: number
}

/** How a metric that could be read came to its proposal. */
export interface MetricReasoning {
  readonly current: MetricCurrent
  /** Current over target. JSON has no infinity: null there when an average over no replicas is asked for. */
  readonly ratio: number
  /** The ratio after the cautious guess for pods that are missing or unready; null: nothing had to be guessed. */
  readonly cautiousRatio: number | null
  readonly tolerance: { readonly down: number; readonly up: number; readonly within: boolean }
  /** Why the count is kept although there is a ratio; null: the proposal follows the ratio. */
  readonly kept: 'WithinTolerance' | 'DirectionWouldFlip' | null
  /** How the pods were sorted; null for Object and External metrics. */
  readonly pods: PodGroups | null
  readonly proposal: number
}

/** Names of the pods that do not count as they are, and the number of those that do. */
export interface PodGroups {
  readonly readyCount: number
  readonly unready: readonly string[]
  readonly missing: readonly string[]
  readonly ignored: readonly string[]
}

export interface MetricFailure {
  readonly reason: string
  /** The cause, as in the event and the condition. */
  readonly message: string
  /** The cause with what was being tried, as in FailedComputeMetricsReplicas. */
  readonly fullMessage: string
}

/** One metric of the specification: what it says, or why it says nothing. */
export interface MetricReport {
  readonly type: MetricType
  readonly name: string
  /** The phrase used in reasons: "pods metric NAME" and the like. */
  readonly description: string
  readonly target: MetricTarget
  readonly reasoning: MetricReasoning | null
  readonly failure: MetricFailure | null
}

/** Which way the synchronisation went. */
export type DecisionPath = 'ScaleUnreadable' | 'ScalingDisabled' | 'AboveMaxReplicas' | 'BelowMinReplicas' | 'MetricsFailed' | 'Metrics'

/** The whole explanation of one synchronisation. */
export interface Decision {
  readonly timeSeconds: number
  readonly path: DecisionPath
  /** null when the scale target could not be read. */
  readonly currentReplicas: number | null
  readonly statusReplicas: number | null
  readonly minReplicas: number
  readonly maxReplicas: number
  readonly metrics: readonly MetricReport[]
  /** Position in `metrics` of the one that won. */
  readonly winner: number | null
  /** What all metrics together ask for, then after the windows, after the policies, and within min..max. */
  readonly recommendation: number | null
  readonly stabilized: number | null
  readonly policyLimited: number | null
  readonly bounded: number | null
  /** The one limit that made a difference. */
  readonly boundBy: Exclude<LimitReason, 'DesiredWithinRange'> | null
  /** The count to be written to the scale target; null: leave it as it is. */
  readonly scaleTo: number | null
  readonly rescaleReason: string
  /** Of the write, once it was tried: see recordRescale. */
  readonly rescale: 'None' | 'Pending' | 'Succeeded' | 'Failed'
  /** As the status says after this synchronisation. */
  readonly desiredReplicas: number
  readonly lastScaleTimeSeconds: number | null
  readonly conditions: readonly Condition[]
  readonly events: readonly HpaEvent[]
}

export interface Recommendation {
  readonly timeSeconds: number
  readonly replicas: number
}

/** A change of the count made by the autoscaler itself; `change` is positive in either direction. */
export interface ScaleChange {
  readonly timeSeconds: number
  readonly change: number
  /** Ready to be overwritten by a newer one. */
  readonly outdated: boolean
}

/** What must be kept from one synchronisation to the next. */
export interface Memory {
  /** null: nothing at all is remembered, so the current count becomes the first recommendation. */
  readonly recommendations: readonly Recommendation[] | null
  readonly scaleUps: readonly ScaleChange[]
  readonly scaleDowns: readonly ScaleChange[]
  readonly status: HpaStatus
}

export interface HpaStatus {
  readonly desiredReplicas: number
  readonly conditions: readonly Condition[]
  readonly lastScaleTimeSeconds: number | null
}

/** The memory of a new autoscaler. */
export const emptyMemory: Memory = {
  recommendations: null,
  scaleUps: [],
  scaleDowns: [],
  status: { desiredReplicas: 0, conditions: [], lastScaleTimeSeconds: null },
}
