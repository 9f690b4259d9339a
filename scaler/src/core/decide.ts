/**
 * One synchronisation of the autoscaler: decide() says what to do and why, recordRescale() adds how writing it went.
 * Nothing here reads a clock or touches the world.
 */
import { limitMessages, messages, setCondition, withoutCondition } from './conditions.ts'
import type { Condition, ConditionType, Decision, HpaEvent, Memory } from './decision.ts'
import type { Limited } from './limit.ts'
import { limit, limitWithBehavior } from './limit.ts'
import { recommend } from './recommend.ts'
import { rememberChange } from './scale-changes.ts'
import type { Stabilized } from './stabilize.ts'
import { stabilize, stabilizeWithBehavior } from './stabilize.ts'
import type { ControllerOptions, HorizontalPodAutoscaler, Observation } from './types.ts'

/** A decision and what must be remembered after it. */
export interface Step {
  readonly decision: Decision
  readonly memory: Memory
}

/**
 * Decides on one observation. When `decision.scaleTo` is a number, the caller writes it to the scale target and passes
 * the outcome to recordRescale; otherwise the step is complete.
 */
export function decide(hpa: HorizontalPodAutoscaler, options: ControllerOptions, observation: Observation, memory: Memory): Step {
  const now = observation.timeSeconds
  if ('error' in observation.scale) {
    const failed = condition('AbleToScale', 'False', 'FailedGetScale', messages.FailedGetScale(observation.scale.error), now)
    return finish(memory, {
      ...unread(hpa, memory, now),
      conditions: setCondition(memory.status.conditions, failed),
      events: [{ type: 'Warning', reason: 'FailedGetScale', message: observation.scale.error }],
    })
  }
  const { specReplicas, statusReplicas } = observation.scale
  const readable = condition('AbleToScale', 'True', 'SucceededGetScale', messages.SucceededGetScale, now)
  const start: Decision = {
    ...unread(hpa, memory, now),
    path: 'Metrics',
    currentReplicas: specReplicas,
    statusReplicas,
    conditions: setCondition(memory.status.conditions, readable),
  }
  const remembered: Memory = { ...memory, recommendations: memory.recommendations ?? [{ timeSeconds: now, replicas: specReplicas }] }

  if (specReplicas === 0) {
    if (!computesFromZero(hpa, options, memory)) return scalingDisabled(start, remembered, options)
  } else if (specReplicas > hpa.maxReplicas) {
    const rescaleReason = 'Current number of replicas above Spec.MaxReplicas'
    return finish(remembered, rescaleTo({ ...start, path: 'AboveMaxReplicas', rescaleReason }, hpa.maxReplicas))
  } else if (specReplicas < hpa.minReplicas) {
    const rescaleReason = belowMinReplicas
    return finish(remembered, rescaleTo({ ...start, path: 'BelowMinReplicas', rescaleReason }, hpa.minReplicas))
  }
  return decideOnMetrics(hpa, options, observation, start, remembered, { specReplicas, statusReplicas })
}

const belowMinReplicas = 'Current number of replicas below Spec.MinReplicas'

function decideOnMetrics(
  hpa: HorizontalPodAutoscaler,
  options: ControllerOptions,
  observation: Observation,
  start: Decision,
  memory: Memory,
  counts: { readonly specReplicas: number; readonly statusReplicas: number },
): Step {
  const now = observation.timeSeconds
  const current = counts.specReplicas
  const verdict = recommend(hpa, options, observation, counts)
  const { recommendation, failure } = verdict
  const evaluated: Decision = { ...start, metrics: verdict.reports, winner: verdict.winner, events: verdict.events }
  if (recommendation === null) {
    const cause = failure?.fullMessage ?? 'no metrics in the specification'
    const message = `invalid metrics (${verdict.failedCount} invalid out of ${hpa.metrics.length}), first error is: ${cause}`
    const inactive = condition(
      'ScalingActive',
      'False',
      failure?.reason ?? 'InvalidMetricSourceType',
      messages.MetricFailed(failure?.message ?? cause),
      now,
    )
    return finish(memory, {
      ...evaluated,
      path: 'MetricsFailed',
      conditions: setCondition(evaluated.conditions, inactive),
      events: [...evaluated.events, { type: 'Warning', reason: 'FailedComputeMetricsReplicas', message }],
    })
  }

  const description = verdict.reports[verdict.winner ?? 0]?.description ?? ''
  const { stabilized, limited } = throughWindowsAndLimits(hpa, options, memory, recommendation, current, now)
  const kept = { ...memory, recommendations: stabilized.recommendations }
  const ready = stabilized.replicas === recommendation
  const stabilizedReason = hpa.behavior && recommendation >= current ? 'ScaleUpStabilized' : 'ScaleDownStabilized'
  const ableReason = ready ? 'ReadyForNewScale' : stabilizedReason
  const isLimited = limited.bounded !== stabilized.replicas
  const conditions = [
    condition('ScalingActive', 'True', 'ValidMetricFound', messages.ValidMetricFound(description), now),
    condition('AbleToScale', 'True', ableReason, messages[ableReason], now),
    condition('ScalingLimited', isLimited ? 'True' : 'False', limited.reason, limitMessages[limited.reason], now),
  ].reduce<readonly Condition[]>(setCondition, evaluated.conditions)

  // Back from zero to a specification that does not allow zero any more.
  const raised = current === 0 && hpa.minReplicas !== 0 && limited.bounded < hpa.minReplicas
  const reason = rescaleReason(recommendation, current, description)
  const decided: Decision = {
    ...evaluated,
    conditions,
    recommendation,
    stabilized: stabilized.replicas,
    policyLimited: limited.policyLimited,
    bounded: raised ? hpa.minReplicas : limited.bounded,
    boundBy: isLimited && limited.reason !== 'DesiredWithinRange' ? limited.reason : null,
    rescaleReason: raised && reason === '' ? belowMinReplicas : reason,
  }
  return finish(kept, rescaleTo(decided, raised ? hpa.minReplicas : limited.bounded))
}

function throughWindowsAndLimits(
  hpa: HorizontalPodAutoscaler,
  options: ControllerOptions,
  memory: Memory,
  recommendation: number,
  current: number,
  now: number,
): { stabilized: Stabilized; limited: Limited } {
  const recommendations = memory.recommendations ?? []
  const { behavior } = hpa
  if (behavior === undefined) {
    const stabilized = stabilize(recommendations, recommendation, now, options.downscaleStabilizationSeconds)
    return { stabilized, limited: limit(stabilized.replicas, current, hpa) }
  }
  const stabilized = stabilizeWithBehavior(recommendations, recommendation, current, now, {
    upSeconds: behavior.scaleUp.stabilizationWindowSeconds ?? 0,
    downSeconds: behavior.scaleDown.stabilizationWindowSeconds ?? Math.trunc(options.downscaleStabilizationSeconds),
  })
  return { stabilized, limited: limitWithBehavior(stabilized.replicas, current, hpa, behavior, memory, now) }
}

function rescaleReason(recommendation: number, current: number, description: string): string {
  if (recommendation > current) return `${description} above target`
  return recommendation < current ? 'All metrics below target' : ''
}

/** From zero nothing is computed, unless the autoscaler itself scaled to zero and may do so. */
function computesFromZero(hpa: HorizontalPodAutoscaler, options: ControllerOptions, memory: Memory): boolean {
  const scaledToZero = memory.status.conditions.some(({ type, status }) => type === 'ScaledToZero' && status === 'True')
  return options.featureGates.HPAScaleToZero && scaledToZero && (hpa.minReplicas !== 0 || seesLoadAtZero(hpa))
}

/** Only these metrics have a value while nothing runs. */
function seesLoadAtZero(hpa: HorizontalPodAutoscaler): boolean {
  return hpa.metrics.some(({ type }) => type === 'Object' || type === 'External')
}

function scalingDisabled(start: Decision, memory: Memory, options: ControllerOptions): Step {
  const inactive = condition('ScalingActive', 'False', 'ScalingDisabled', messages.ScalingDisabled, start.timeSeconds)
  const conditions = setCondition(start.conditions, inactive)
  return finish(memory, {
    ...start,
    path: 'ScalingDisabled',
    desiredReplicas: 0,
    conditions: options.featureGates.HPAScaleToZero ? conditions : withoutCondition(conditions, 'ScaledToZero'),
  })
}

/** How writing the new count went. */
export type RescaleOutcome = { readonly ok: true } | { readonly error: string }

/** Completes a step whose decision asked for a new count. The change counts for the policies only if it was written. */
export function recordRescale(hpa: HorizontalPodAutoscaler, options: ControllerOptions, step: Step, outcome: RescaleOutcome): Step {
  const { decision, memory } = step
  const { scaleTo, currentReplicas, timeSeconds: now, rescaleReason: reason } = decision
  if (scaleTo === null || currentReplicas === null || decision.rescale !== 'Pending') return step
  if ('error' in outcome) {
    const unable = condition('AbleToScale', 'False', 'FailedUpdateScale', messages.FailedUpdateScale(outcome.error), now)
    const message = `New size: ${scaleTo}; reason: ${reason}; error: ${outcome.error}`
    return finish(memory, {
      ...decision,
      rescale: 'Failed',
      conditions: setCondition(decision.conditions, unable),
      events: [...decision.events, { type: 'Warning', reason: 'FailedRescale', message }],
    })
  }
  const rescaled = condition('AbleToScale', 'True', 'SucceededRescale', messages.SucceededRescale(scaleTo), now)
  const event: HpaEvent = { type: 'Normal', reason: 'SuccessfulRescale', message: `New size: ${scaleTo}; reason: ${reason}` }
  return finish(withChange(hpa, memory, scaleTo - currentReplicas, now), {
    ...decision,
    rescale: 'Succeeded',
    desiredReplicas: scaleTo,
    lastScaleTimeSeconds: now,
    conditions: withScaledToZero(setCondition(decision.conditions, rescaled), hpa, options, decision),
    events: [...decision.events, event],
  })
}

function withChange(hpa: HorizontalPodAutoscaler, memory: Memory, change: number, now: number): Memory {
  if (hpa.behavior === undefined) return memory
  if (change > 0) return { ...memory, scaleUps: rememberChange(memory.scaleUps, change, now, hpa.behavior.scaleUp) }
  return { ...memory, scaleDowns: rememberChange(memory.scaleDowns, -change, now, hpa.behavior.scaleDown) }
}

function withScaledToZero(
  conditions: readonly Condition[],
  hpa: HorizontalPodAutoscaler,
  options: ControllerOptions,
  { currentReplicas, scaleTo, timeSeconds }: Decision,
): readonly Condition[] {
  if (!options.featureGates.HPAScaleToZero) return withoutCondition(conditions, 'ScaledToZero')
  const toZero = currentReplicas !== 0 && scaleTo === 0 && hpa.minReplicas === 0 && seesLoadAtZero(hpa)
  const reason = toZero ? 'ScaledToZero' : 'NotScaledToZero'
  return setCondition(conditions, condition('ScaledToZero', toZero ? 'True' : 'False', reason, messages[reason], timeSeconds))
}

function condition(type: ConditionType, status: Condition['status'], reason: string, message: string, sinceSeconds: number): Condition {
  return { type, status, reason, message, sinceSeconds }
}

/** A decision about which nothing is known yet but what the status says. */
function unread(hpa: HorizontalPodAutoscaler, { status }: Memory, timeSeconds: number): Decision {
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

/** With the count to be written, or with the wish that there is already what there should be. */
function rescaleTo(decision: Decision, replicas: number): Decision {
  if (replicas === decision.currentReplicas) return { ...decision, desiredReplicas: replicas }
  return { ...decision, scaleTo: replicas, rescale: 'Pending' }
}

/** The status follows the decision. */
function finish(memory: Memory, decision: Decision): Step {
  const { desiredReplicas, conditions, lastScaleTimeSeconds } = decision
  return { decision, memory: { ...memory, status: { desiredReplicas, conditions, lastScaleTimeSeconds } } }
}
