/**
 * Performs one sync of the autoscaler: decide() returns the new replica count and its reasons, and recordRescale() adds the outcome of
 * writing this count. The functions decide() and recordRescale() are pure: time and state are passed as arguments.
 */
import { limitMessages, messages, setCondition, withoutCondition } from './conditions.ts'
import type { Condition, Decision, HpaEvent, HpaStatus, Memory } from './decision.ts'
import { normalizeDesiredReplicas } from './normalize.ts'
import type { MetricsRecommendation } from './recommend.ts'
import { recommend } from './recommend.ts'
import { rememberChange } from './scale-changes.ts'
import type { ControllerOptions, HorizontalPodAutoscaler, Observation, ReplicaCounts } from './types.ts'

/** A decision, and the state to remember for the next sync. */
export interface Step {
  readonly decision: Decision
  readonly memory: Memory
}

/**
 * Makes a decision based on an observation, like reconcileAutoscaler in Kubernetes. If `decision.scaleTo` is a number, the caller must
 * write it to the scale target and pass the outcome to recordRescale. If `decision.scaleTo` is null, the step is complete.
 */
export function decide(hpa: HorizontalPodAutoscaler, options: ControllerOptions, observation: Observation, memory: Memory): Step {
  const now = observation.timeSeconds
  const empty = emptyDecision(hpa, memory.status, now)
  if ('error' in observation.scale) {
    const { error } = observation.scale
    const message = messages.FailedGetScale(error)
    const failed: Condition = { type: 'AbleToScale', status: 'False', reason: 'FailedGetScale', message, sinceSeconds: now }
    return finish(memory, {
      ...empty,
      conditions: setCondition(empty.conditions, failed),
      events: [{ type: 'Warning', reason: 'FailedGetScale', message: error }],
    })
  }
  const counts = observation.scale
  const { specReplicas, statusReplicas } = counts
  const message = messages.SucceededGetScale
  const readable: Condition = { type: 'AbleToScale', status: 'True', reason: 'SucceededGetScale', message, sinceSeconds: now }
  const start: Decision = {
    ...empty,
    path: 'Metrics',
    currentReplicas: specReplicas,
    statusReplicas,
    conditions: setCondition(empty.conditions, readable),
  }
  const remembered: Memory = { ...memory, recommendations: memory.recommendations ?? [{ timeSeconds: now, replicas: specReplicas }] }

  if (specReplicas === 0) {
    if (!scalesFromZero(hpa, options, memory)) return scalingDisabled(start, remembered, options)
  } else if (specReplicas > hpa.maxReplicas) {
    const rescaleReason = 'Current number of replicas above Spec.MaxReplicas'
    return finish(remembered, rescaleTo({ ...start, path: 'AboveMaxReplicas', rescaleReason }, hpa.maxReplicas))
  } else if (specReplicas < hpa.minReplicas) {
    const rescaleReason = belowMinReplicas
    return finish(remembered, rescaleTo({ ...start, path: 'BelowMinReplicas', rescaleReason }, hpa.minReplicas))
  }
  return decideOnMetrics({ hpa, options, observation, counts, memory: remembered, start })
}

const belowMinReplicas = 'Current number of replicas below Spec.MinReplicas'

interface MetricsArg {
  readonly hpa: HorizontalPodAutoscaler
  readonly options: ControllerOptions
  readonly observation: Observation
  readonly counts: ReplicaCounts
  readonly memory: Memory
  /** The decision's initial content, before any metric is evaluated. */
  readonly start: Decision
}

function decideOnMetrics({ hpa, options, observation, counts, memory, start }: MetricsArg): Step {
  const result = recommend(hpa, options, observation, counts)
  const { recommendation } = result
  const evaluated: Decision = { ...start, metrics: result.reports, winner: result.winner, events: result.events }
  if (recommendation === null) return finish(memory, metricsFailed(evaluated, result))

  const nowSeconds = observation.timeSeconds
  const currentReplicas = counts.specReplicas
  const desiredReplicas = recommendation
  const { stabilized, limited } = normalizeDesiredReplicas({ hpa, options, memory, currentReplicas, desiredReplicas, nowSeconds })
  const description = result.reports[result.winner ?? 0]?.description ?? ''
  const stabilizedReason = hpa.behavior && recommendation >= currentReplicas ? 'ScaleUpStabilized' : 'ScaleDownStabilized'
  const ableReason = stabilized.replicas === recommendation ? 'ReadyForNewScale' : stabilizedReason
  const isLimited = limited.bounded !== stabilized.replicas
  const active: Condition = {
    type: 'ScalingActive',
    status: 'True',
    reason: 'ValidMetricFound',
    message: messages.ValidMetricFound(description),
    sinceSeconds: nowSeconds,
  }
  const able: Condition = {
    type: 'AbleToScale',
    status: 'True',
    reason: ableReason,
    message: messages[ableReason],
    sinceSeconds: nowSeconds,
  }
  const scalingLimited: Condition = {
    type: 'ScalingLimited',
    status: isLimited ? 'True' : 'False',
    reason: limited.reason,
    message: limitMessages[limited.reason],
    sinceSeconds: nowSeconds,
  }

  // `raised` means that the autoscaler previously scaled to zero, but the spec no longer allows zero replicas.
  const raised = currentReplicas === 0 && hpa.minReplicas !== 0 && limited.bounded < hpa.minReplicas
  const bounded = raised ? hpa.minReplicas : limited.bounded
  const reason = rescaleReason(recommendation, currentReplicas, description)
  const decided: Decision = {
    ...evaluated,
    conditions: [active, able, scalingLimited].reduce<readonly Condition[]>(setCondition, evaluated.conditions),
    recommendation,
    stabilized: stabilized.replicas,
    policyLimited: limited.policyLimited,
    bounded,
    boundBy: isLimited && limited.reason !== 'DesiredWithinRange' ? limited.reason : null,
    rescaleReason: raised && reason === '' ? belowMinReplicas : reason,
  }
  return finish({ ...memory, recommendations: stabilized.recommendations }, rescaleTo(decided, bounded))
}

/**
 * Returns the decision for a sync in which too many metrics failed: the replica count stays unchanged, and a condition and an event report
 * the first failure.
 */
function metricsFailed(evaluated: Decision, { failure, failedCount, reports }: MetricsRecommendation): Decision {
  const cause = failure?.fullMessage ?? 'no metrics in the specification'
  const inactive: Condition = {
    type: 'ScalingActive',
    status: 'False',
    reason: failure?.reason ?? 'InvalidMetricSourceType',
    message: messages.MetricFailed(failure?.message ?? cause),
    sinceSeconds: evaluated.timeSeconds,
  }
  const message = `invalid metrics (${failedCount} invalid out of ${reports.length}), first error is: ${cause}`
  return {
    ...evaluated,
    path: 'MetricsFailed',
    conditions: setCondition(evaluated.conditions, inactive),
    events: [...evaluated.events, { type: 'Warning', reason: 'FailedComputeMetricsReplicas', message }],
  }
}

function rescaleReason(recommendation: number, currentReplicas: number, description: string): string {
  if (recommendation > currentReplicas) return `${description} above target`
  return recommendation < currentReplicas ? 'All metrics below target' : ''
}

/**
 * Whether the autoscaler scales up a workload with zero replicas. In Kubernetes, a replica count of zero disables autoscaling. An
 * autoscaler that itself scaled to zero can scale up again if minReplicas is now above 0 or if a metric can have a value without any pods.
 */
function scalesFromZero(hpa: HorizontalPodAutoscaler, options: ControllerOptions, memory: Memory): boolean {
  const scaledToZero = memory.status.conditions.some(({ type, status }) => type === 'ScaledToZero' && status === 'True')
  return options.featureGates.HPAScaleToZero && scaledToZero && (hpa.minReplicas !== 0 || hasObjectOrExternalMetric(hpa))
}

/** Whether any metric can have a value while no pods are running. */
function hasObjectOrExternalMetric(hpa: HorizontalPodAutoscaler): boolean {
  return hpa.metrics.some(({ type }) => type === 'Object' || type === 'External')
}

function scalingDisabled(start: Decision, memory: Memory, options: ControllerOptions): Step {
  const inactive: Condition = {
    type: 'ScalingActive',
    status: 'False',
    reason: 'ScalingDisabled',
    message: messages.ScalingDisabled,
    sinceSeconds: start.timeSeconds,
  }
  const conditions = setCondition(start.conditions, inactive)
  return finish(memory, {
    ...start,
    path: 'ScalingDisabled',
    desiredReplicas: 0,
    conditions: options.featureGates.HPAScaleToZero ? conditions : withoutCondition(conditions, 'ScaledToZero'),
  })
}

/** The outcome of writing the new replica count to the scale target. */
export type RescaleOutcome = { readonly ok: true } | { readonly error: string }

/**
 * Updates a step with the outcome of writing the new replica count. The scaling policies count the change only if the new replica count was
 * written successfully.
 */
export function recordRescale(hpa: HorizontalPodAutoscaler, options: ControllerOptions, step: Step, outcome: RescaleOutcome): Step {
  const { decision, memory } = step
  const { scaleTo, currentReplicas, timeSeconds: now, rescaleReason: reason } = decision
  if (scaleTo === null || currentReplicas === null || decision.rescale !== 'Pending') return step
  if ('error' in outcome) {
    const { error } = outcome
    const unable: Condition = {
      type: 'AbleToScale',
      status: 'False',
      reason: 'FailedUpdateScale',
      message: messages.FailedUpdateScale(error),
      sinceSeconds: now,
    }
    const message = `New size: ${scaleTo}; reason: ${reason}; error: ${error}`
    return finish(memory, {
      ...decision,
      rescale: 'Failed',
      conditions: setCondition(decision.conditions, unable),
      events: [...decision.events, { type: 'Warning', reason: 'FailedRescale', message }],
    })
  }
  const message = messages.SucceededRescale(scaleTo)
  const rescaled: Condition = { type: 'AbleToScale', status: 'True', reason: 'SucceededRescale', message, sinceSeconds: now }
  const event: HpaEvent = { type: 'Normal', reason: 'SuccessfulRescale', message: `New size: ${scaleTo}; reason: ${reason}` }
  return finish(withChange(hpa, memory, { timeSeconds: now, change: scaleTo - currentReplicas }), {
    ...decision,
    rescale: 'Succeeded',
    desiredReplicas: scaleTo,
    lastScaleTimeSeconds: now,
    conditions: withScaledToZero(setCondition(decision.conditions, rescaled), hpa, options, decision),
    events: [...decision.events, event],
  })
}

/** @param change negative if replicas were removed */
function withChange(hpa: HorizontalPodAutoscaler, memory: Memory, given: { timeSeconds: number; change: number }): Memory {
  const { behavior } = hpa
  if (behavior === undefined) return memory
  const entry = { timeSeconds: given.timeSeconds, change: Math.abs(given.change) }
  if (given.change > 0) return { ...memory, scaleUps: rememberChange(memory.scaleUps, entry, behavior.scaleUp) }
  return { ...memory, scaleDowns: rememberChange(memory.scaleDowns, entry, behavior.scaleDown) }
}

function withScaledToZero(
  conditions: readonly Condition[],
  hpa: HorizontalPodAutoscaler,
  options: ControllerOptions,
  { currentReplicas, scaleTo, timeSeconds }: Decision,
): readonly Condition[] {
  if (!options.featureGates.HPAScaleToZero) return withoutCondition(conditions, 'ScaledToZero')
  const toZero = currentReplicas !== 0 && scaleTo === 0 && hpa.minReplicas === 0 && hasObjectOrExternalMetric(hpa)
  const reason = toZero ? 'ScaledToZero' : 'NotScaledToZero'
  return setCondition(conditions, {
    type: 'ScaledToZero',
    status: toZero ? 'True' : 'False',
    reason,
    message: messages[reason],
    sinceSeconds: timeSeconds,
  })
}

/** Returns a decision that has no results yet and contains only fields from the spec and the last status. */
function emptyDecision(hpa: HorizontalPodAutoscaler, status: HpaStatus, timeSeconds: number): Decision {
  return {
    timeSeconds,
    path: 'ScaleUnreadable',
    currentReplicas: null,
    statusReplicas: null,
    minReplicas: hpa.minReplicas,
    maxReplicas: hpa.maxReplicas,
    metrics: [],
    winner: null,
    recommendation: null,
    stabilized: null,
    policyLimited: null,
    bounded: null,
    boundBy: null,
    scaleTo: null,
    rescaleReason: '',
    rescale: 'None',
    ...status,
    events: [],
  }
}

/** Sets scaleTo, unless the scale target already has this replica count. */
function rescaleTo(decision: Decision, replicas: number): Decision {
  if (replicas === decision.currentReplicas) return { ...decision, desiredReplicas: replicas }
  return { ...decision, scaleTo: replicas, rescale: 'Pending' }
}

/** Returns the decision, and the state to remember, which includes the decision's status. */
function finish(memory: Memory, decision: Decision): Step {
  const { desiredReplicas, conditions, lastScaleTimeSeconds } = decision
  return { decision, memory: { ...memory, status: { desiredReplicas, conditions, lastScaleTimeSeconds } } }
}
