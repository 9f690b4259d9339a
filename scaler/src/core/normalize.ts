/** Applies the stabilization windows and then the limits to the recommendation from the metrics. */
import type { Memory } from './decision.ts'
import type { Limited } from './limit.ts'
import { limit, limitWithBehavior } from './limit.ts'
import type { Stabilized } from './stabilize.ts'
import { stabilize, stabilizeWithBehavior } from './stabilize.ts'
import type { ControllerOptions, HorizontalPodAutoscaler } from './types.ts'

/**
 * The input to the normalization; the names of its replica-count fields are those of the NormalizationArg type in Kubernetes' HPA
 * controller.
 */
export interface NormalizationArg {
  readonly hpa: Pick<HorizontalPodAutoscaler, 'behavior' | 'minReplicas' | 'maxReplicas'>
  readonly options: Pick<ControllerOptions, 'downscaleStabilizationSeconds'>
  readonly memory: Pick<Memory, 'recommendations' | 'scaleUps' | 'scaleDowns'>
  readonly currentReplicas: number
  /** The recommendation calculated from the metrics. */
  readonly desiredReplicas: number
  readonly nowSeconds: number
}

export interface Normalized {
  readonly stabilized: Stabilized
  readonly limited: Limited
}

/** Returns the allowed replica count, like normalizeDesiredReplicas and normalizeDesiredReplicasWithBehaviors in Kubernetes. */
export function normalizeDesiredReplicas(arg: NormalizationArg): Normalized {
  const { memory, options, currentReplicas, desiredReplicas, nowSeconds } = arg
  const { behavior, minReplicas, maxReplicas } = arg.hpa
  const recommendations = memory.recommendations ?? []
  const bounds = { minReplicas, maxReplicas, currentReplicas }
  if (behavior === undefined) {
    const windowSeconds = options.downscaleStabilizationSeconds
    const stabilized = stabilize({ recommendations, desiredReplicas, nowSeconds, windowSeconds })
    return { stabilized, limited: limit({ ...bounds, desiredReplicas: stabilized.replicas }) }
  }
  const { scaleUp, scaleDown } = behavior
  const stabilized = stabilizeWithBehavior({
    recommendations,
    desiredReplicas,
    currentReplicas,
    nowSeconds,
    scaleUpWindowSeconds: scaleUp.stabilizationWindowSeconds ?? 0,
    scaleDownWindowSeconds: scaleDown.stabilizationWindowSeconds ?? Math.trunc(options.downscaleStabilizationSeconds),
  })
  const limited = limitWithBehavior({
    ...bounds,
    desiredReplicas: stabilized.replicas,
    scaleUpBehavior: scaleUp,
    scaleDownBehavior: scaleDown,
    scaleUps: memory.scaleUps,
    scaleDowns: memory.scaleDowns,
    nowSeconds,
  })
  return { stabilized, limited }
}
