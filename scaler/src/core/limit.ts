/** How far the count may go in one synchronisation: the policies, then minReplicas and maxReplicas. */
import type { LimitReason, ScaleChange } from './decision.ts'
import { ceilReplicas } from './integers.ts'
import { changeWithin } from './scale-changes.ts'
import type { Behavior, ScalingPolicy, ScalingRules } from './types.ts'

export interface Limited {
  /** After the policies alone. */
  readonly policyLimited: number
  /** After everything. */
  readonly bounded: number
  readonly reason: LimitReason
}

interface Bounds {
  readonly minReplicas: number
  readonly maxReplicas: number
}

/** Without `behavior`: at most the double, or 4 if that is more; no limit on the way down but minReplicas. */
export function limit(stabilized: number, currentReplicas: number, { minReplicas, maxReplicas }: Bounds): Limited {
  const upLimit = Math.trunc(Math.max(2.0 * currentReplicas, 4.0))
  const policyLimited = Math.min(stabilized, upLimit)
  if (stabilized < minReplicas) return { policyLimited, bounded: minReplicas, reason: 'TooFewReplicas' }
  const upper = Math.min(upLimit, maxReplicas)
  if (stabilized <= upper) return { policyLimited, bounded: stabilized, reason: 'DesiredWithinRange' }
  return { policyLimited, bounded: upper, reason: maxReplicas > upLimit ? 'ScaleUpLimit' : 'TooManyReplicas' }
}

export interface Changes {
  readonly scaleUps: readonly ScaleChange[]
  readonly scaleDowns: readonly ScaleChange[]
}

/** With `behavior`: what the policies of the direction leave of the change. */
export function limitWithBehavior(
  stabilized: number,
  currentReplicas: number,
  { minReplicas, maxReplicas }: Bounds,
  behavior: Behavior,
  changes: Changes,
  nowSeconds: number,
): Limited {
  if (stabilized > currentReplicas) {
    const upLimit = Math.max(currentReplicas, scaleUpLimit(currentReplicas, behavior.scaleUp, changes, nowSeconds))
    const policyLimited = Math.min(stabilized, upLimit)
    const upper = Math.min(upLimit, maxReplicas)
    if (stabilized > upper) {
      return { policyLimited, bounded: upper, reason: maxReplicas > upLimit ? 'ScaleUpLimit' : 'TooManyReplicas' }
    }
  } else if (stabilized < currentReplicas) {
    const downLimit = Math.min(currentReplicas, scaleDownLimit(currentReplicas, behavior.scaleDown, changes, nowSeconds))
    const policyLimited = Math.max(stabilized, downLimit)
    const lower = Math.max(downLimit, minReplicas)
    if (stabilized < lower) {
      return { policyLimited, bounded: lower, reason: minReplicas < downLimit ? 'ScaleDownLimit' : 'TooFewReplicas' }
    }
  }
  return { policyLimited: stabilized, bounded: stabilized, reason: 'DesiredWithinRange' }
}

function scaleUpLimit(currentReplicas: number, rules: ScalingRules, changes: Changes, nowSeconds: number): number {
  if (rules.selectPolicy === 'Disabled') return currentReplicas
  const proposals = rules.policies.map((policy) => {
    const start = replicasAtStart(currentReplicas, policy, changes, nowSeconds)
    // An int32 sum wraps around in Kubernetes: a policy of 2147483647 pods stops the scaling instead of freeing it.
    return policy.type === 'Pods' ? (start + policy.value) | 0 : ceilReplicas(start * (1 + policy.value / 100))
  })
  return rules.selectPolicy === 'Min' ? Math.min(...proposals) : Math.max(...proposals)
}

function scaleDownLimit(currentReplicas: number, rules: ScalingRules, changes: Changes, nowSeconds: number): number {
  if (rules.selectPolicy === 'Disabled') return currentReplicas
  const proposals = rules.policies.map((policy) => {
    const start = replicasAtStart(currentReplicas, policy, changes, nowSeconds)
    return policy.type === 'Pods' ? start - policy.value : Math.trunc(start * (1 - policy.value / 100)) + 0
  })
  return rules.selectPolicy === 'Min' ? Math.max(...proposals) : Math.min(...proposals)
}

/** The count when the policy's period began. Changes of both directions are taken back. */
function replicasAtStart(currentReplicas: number, policy: ScalingPolicy, changes: Changes, nowSeconds: number): number {
  const up = changeWithin(changes.scaleUps, nowSeconds, policy.periodSeconds)
  const down = changeWithin(changes.scaleDowns, nowSeconds, policy.periodSeconds)
  return currentReplicas - up + down
}
