/** Defines the result of a sync, and the state that is remembered for the next sync. All types in this file can be stored as JSON. */
import type { MetricTarget, MetricType } from './types.ts'

export type ConditionType = 'AbleToScale' | 'ScalingActive' | 'ScalingLimited' | 'ScaledToZero'

export interface Condition {
  readonly type: ConditionType
  readonly status: 'True' | 'False'
  readonly reason: string
  readonly message: string
  /**
   * lastTransitionTime: the time at which the condition's status last changed. If only the condition's reason changes, lastTransitionTime
   * stays the same.
   */
  readonly sinceSeconds: number
}

export interface HpaEvent {
  readonly type: 'Normal' | 'Warning'
  readonly reason: string
  readonly message: string
}

export type LimitReason = 'DesiredWithinRange' | 'TooManyReplicas' | 'TooFewReplicas' | 'ScaleUpLimit' | 'ScaleDownLimit'

/** The current value of a metric, in the format of status.currentMetrics. */
export interface MetricCurrent {
  readonly averageUtilization?: number
  readonly averageValueMilli?: number
  readonly valueMilli?: number
  /** The amount as a decimal number, if it exceeds 2^53. The number above is then rounded, because JSON has no larger whole numbers. */
  readonly exactMilli?: string
}

/** Describes how a metric's proposal was calculated. */
export interface MetricReasoning {
  readonly current: MetricCurrent
  /**
   * The metric's current value divided by its target. For an average over zero replicas, the ratio is Infinity, which JSON represents as
   * null.
   */
  readonly ratio: number
  /** The ratio with assumed values for missing and unready pods; null if no value was assumed. */
  readonly cautiousRatio: number | null
  readonly tolerance: { readonly down: number; readonly up: number; readonly within: boolean }
  /** The reason why the metric proposes the current replica count; null if the ratio determines the proposal. */
  readonly holdReason: 'WithinTolerance' | 'DirectionWouldFlip' | null
  /** The pods, grouped by their role in the metric's calculation; null for Object and External metrics. */
  readonly pods: PodGroups | null
  readonly proposal: number
}

/** The pods, grouped by their role in the calculation. */
export interface PodGroups {
  /**
   * Number of pods whose values are included in the calculation. All other pods are listed by name in `unready`, `missing` and `ignored`.
   */
  readonly readyCount: number
  readonly unready: readonly string[]
  readonly missing: readonly string[]
  readonly ignored: readonly string[]
}

export interface MetricFailure {
  readonly reason: string
  /** Error message in the metric's event and in the condition. */
  readonly message: string
  /** Message of the FailedComputeMetricsReplicas event, which includes the name of the failed operation. */
  readonly fullMessage: string
}

/** The result for one metric in the spec; either `reasoning` or `failure` is null. */
export interface MetricReport {
  readonly type: MetricType
  readonly name: string
  /** How a rescale reason refers to the metric, for example "pods metric NAME". */
  readonly description: string
  readonly target: MetricTarget
  readonly reasoning: MetricReasoning | null
  readonly failure: MetricFailure | null
}

/** The branch of the algorithm that produced the decision. */
export type DecisionPath = 'ScaleUnreadable' | 'ScalingDisabled' | 'AboveMaxReplicas' | 'BelowMinReplicas' | 'MetricsFailed' | 'Metrics'

/** The decision made in a sync, with all its steps. */
export interface Decision {
  readonly timeSeconds: number
  readonly path: DecisionPath
  /** Current number of replicas; null if the scale target could not be read. */
  readonly currentReplicas: number | null
  readonly statusReplicas: number | null
  readonly minReplicas: number
  readonly maxReplicas: number
  readonly metrics: readonly MetricReport[]
  /** Index in `metrics` of the metric with the largest proposal. */
  readonly winner: number | null
  /** The combined recommendation of all metrics. */
  readonly recommendation: number | null
  /** Replica count after the stabilization windows were applied. */
  readonly stabilized: number | null
  /** Replica count after the policies were applied. */
  readonly policyLimited: number | null
  /** Replica count after minReplicas and maxReplicas were applied. */
  readonly bounded: number | null
  /** The limit that changed the proposed replica count; null if no limit applied. */
  readonly boundBy: Exclude<LimitReason, 'DesiredWithinRange'> | null
  /** The replica count to write to the scale target; null if the count does not change. */
  readonly scaleTo: number | null
  readonly rescaleReason: string
  /** Whether the new replica count has been written to the scale target; recordRescale replaces `Pending` with the outcome. */
  readonly rescale: 'None' | 'Pending' | 'Succeeded' | 'Failed'
  /** The value of status.desiredReplicas after this sync. */
  readonly desiredReplicas: number
  readonly lastScaleTimeSeconds: number | null
  readonly conditions: readonly Condition[]
  readonly events: readonly HpaEvent[]
}

export interface Recommendation {
  readonly timeSeconds: number
  readonly replicas: number
}

/** A change that the autoscaler itself made to the replica count; called timestampedScaleEvent in Kubernetes. */
export interface ScaleChange {
  readonly timeSeconds: number
  /** Number of replicas that were added or removed; positive in both cases. */
  readonly change: number
  /** Whether the change is older than the longest policy period, so that a newer change may overwrite it. */
  readonly outdated: boolean
}

/** The state that is carried over from one sync to the next. */
export interface Memory {
  /** Recent recommendations; null for a new autoscaler, whose current replica count becomes the first recommendation. */
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

/** The state with which a new autoscaler starts. */
export const emptyMemory: Memory = {
  recommendations: null,
  scaleUps: [],
  scaleDowns: [],
  status: { desiredReplicas: 0, conditions: [], lastScaleTimeSeconds: null },
}

/**
 * Returns the part of the remembered state that survives a restart of the controller: the status, which Kubernetes stores in the API
 * server.
 */
export function memoryAfterRestart({ status }: Memory): Memory {
  return { ...emptyMemory, status }
}
