/** Defines Kubernetes' HPA conditions, their messages, and the rule for lastTransitionTime. */
import type { Condition, ConditionType, LimitReason } from './decision.ts'

/** Condition messages, keyed by reason. If a message contains an error or a number, its entry is a function that returns the message. */
export const messages = {
  SucceededGetScale: "the HPA controller was able to get the target's current scale",
  FailedGetScale: (error: string) => `the HPA controller was unable to get the target's current scale: ${error}`,
  ReadyForNewScale: 'recommended size matches current size',
  ScaleDownStabilized: 'recent recommendations were higher than current one, applying the highest recent recommendation',
  ScaleUpStabilized: 'recent recommendations were lower than current one, applying the lowest recent recommendation',
  SucceededRescale: (replicas: number) => `the HPA controller was able to update the target scale to ${replicas}`,
  FailedUpdateScale: (error: string) => `the HPA controller was unable to update the target scale: ${error}`,
  ValidMetricFound: (description: string) => `the HPA was able to successfully calculate a replica count from ${description}`,
  MetricFailed: (error: string) => `the HPA was unable to compute the replica count: ${error}`,
  ScalingDisabled: 'scaling is disabled since the replica count of the target is zero',
  ScaledToZero: 'the HPA controller scaled the workload to zero',
  NotScaledToZero: 'the HPA controller did not scale the workload to zero',
} as const

export const limitMessages: Readonly<Record<LimitReason, string>> = {
  DesiredWithinRange: 'the desired count is within the acceptable range',
  TooManyReplicas: 'the desired replica count is more than the maximum replica count',
  TooFewReplicas: 'the desired replica count is less than the minimum replica count',
  ScaleUpLimit: 'the desired replica count is increasing faster than the maximum scale rate',
  ScaleDownLimit: 'the desired replica count is decreasing faster than the maximum scale rate',
}

/**
 * Sets a condition and returns the resulting list of conditions. The new condition replaces the existing condition of the same type; if
 * there is none, it is appended.
 */
export function setCondition(conditions: readonly Condition[], next: Condition): Condition[] {
  const at = conditions.findIndex((condition) => condition.type === next.type)
  if (at < 0) return [...conditions, next]
  return conditions.map((old, i) => {
    if (i !== at) return old
    return old.status === next.status ? { ...next, sinceSeconds: old.sinceSeconds } : next
  })
}

export function withoutCondition(conditions: readonly Condition[], type: ConditionType): Condition[] {
  return conditions.filter((condition) => condition.type !== type)
}
