/** Limits how far a sync may change the replica count: first by the policies, then by minReplicas and maxReplicas. */
import type { LimitReason, ScaleChange } from './decision.ts'
import { ceilReplicas } from './integers.ts'
import { changeWithin } from './scale-changes.ts'
import type { ScalingPolicy, ScalingRules } from './types.ts'

export interface Limited {
  /** The replica count after applying only the policies. */
  readonly policyLimited: number
  /** The replica count after applying the policies, minReplicas and maxReplicas. */
  readonly bounded: number
  readonly reason: LimitReason
}

/** The input to the limits; its field names are those of the NormalizationArg type in Kubernetes' HPA controller. */
export interface LimitArg {
  readonly minReplicas: number
  readonly maxReplicas: number
  readonly currentReplicas: number
  /** The recommendation after applying the stabilization window. */
  readonly desiredReplicas: number
}

export interface BehaviorLimitArg extends LimitArg {
  readonly scaleUpBehavior: ScalingRules
  readonly scaleDownBehavior: ScalingRules
  /** The autoscaler's own changes to the replica count, which the scaling policies limit. */
  readonly scaleUps: readonly ScaleChange[]
  readonly scaleDowns: readonly ScaleChange[]
  readonly nowSeconds: number
}

/**
 * Limits the replica count if the spec has no `behavior`, like convertDesiredReplicasWithRules in Kubernetes. When scaling up, the new
 * count is at most twice the current count or 4, whichever is larger. When scaling down, the count is limited only by minReplicas.
 */
export function limit({ minReplicas, maxReplicas, currentReplicas, desiredReplicas }: LimitArg): Limited {
  const upLimit = Math.trunc(Math.max(2.0 * currentReplicas, 4.0))
  const policyLimited = Math.min(desiredReplicas, upLimit)
  if (desiredReplicas < minReplicas) return { policyLimited, bounded: minReplicas, reason: 'TooFewReplicas' }
  const upper = Math.min(upLimit, maxReplicas)
  if (desiredReplicas <= upper) return { policyLimited, bounded: desiredReplicas, reason: 'DesiredWithinRange' }
  return { policyLimited, bounded: upper, reason: maxReplicas > upLimit ? 'ScaleUpLimit' : 'TooManyReplicas' }
}

/** Applies the policies for the scaling direction to the replica count, like `convertDesiredReplicasWithBehaviorRate` in Kubernetes. */
export function limitWithBehavior(arg: BehaviorLimitArg): Limited {
  const { minReplicas, maxReplicas, currentReplicas, desiredReplicas } = arg
  if (desiredReplicas > currentReplicas) {
    const upLimit = Math.max(currentReplicas, scaleUpLimit(arg))
    const policyLimited = Math.min(desiredReplicas, upLimit)
    const upper = Math.min(upLimit, maxReplicas)
    if (desiredReplicas > upper) {
      return { policyLimited, bounded: upper, reason: maxReplicas > upLimit ? 'ScaleUpLimit' : 'TooManyReplicas' }
    }
  } else if (desiredReplicas < currentReplicas) {
    const downLimit = Math.min(currentReplicas, scaleDownLimit(arg))
    const policyLimited = Math.max(desiredReplicas, downLimit)
    const lower = Math.max(downLimit, minReplicas)
    if (desiredReplicas < lower) {
      return { policyLimited, bounded: lower, reason: minReplicas < downLimit ? 'ScaleDownLimit' : 'TooFewReplicas' }
    }
  }
  return { policyLimited: desiredReplicas, bounded: desiredReplicas, reason: 'DesiredWithinRange' }
}

function scaleUpLimit(arg: BehaviorLimitArg): number {
  const { selectPolicy, policies } = arg.scaleUpBehavior
  if (selectPolicy === 'Disabled') return arg.currentReplicas
  const proposals = policies.map((policy) => {
    const start = replicasAtPeriodStart(arg, policy)
    // In Kubernetes, a count plus a policy's number of pods is an int32 that wraps around, so a policy of 2147483647 pods prevents scaling.
    return policy.type === 'Pods' ? (start + policy.value) | 0 : ceilReplicas(start * (1 + policy.value / 100))
  })
  return selectPolicy === 'Min' ? Math.min(...proposals) : Math.max(...proposals)
}

function scaleDownLimit(arg: BehaviorLimitArg): number {
  const { selectPolicy, policies } = arg.scaleDownBehavior
  if (selectPolicy === 'Disabled') return arg.currentReplicas
  const proposals = policies.map((policy) => {
    const start = replicasAtPeriodStart(arg, policy)
    return policy.type === 'Pods' ? start - policy.value : Math.trunc(start * (1 - policy.value / 100)) + 0
  })
  return selectPolicy === 'Min' ? Math.max(...proposals) : Math.min(...proposals)
}

/** Returns the replica count at the start of the policy's period: the current count without the autoscaler's own changes since then. */
function replicasAtPeriodStart(arg: BehaviorLimitArg, { periodSeconds }: ScalingPolicy): number {
  const { currentReplicas, scaleUps, scaleDowns, nowSeconds } = arg
  const period = { nowSeconds, periodSeconds }
  return currentReplicas - changeWithin(scaleUps, period) + changeWithin(scaleDowns, period)
}
