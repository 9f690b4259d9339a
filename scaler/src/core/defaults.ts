/** Kubernetes' defaults for fields that a spec omits. */
import type { MetricSpec, ScalingPolicy, ScalingRules } from './types.ts'

export const defaultMinReplicas = 1

/** The default for a spec without metrics: 80 % CPU utilization. */
export const defaultMetrics: readonly MetricSpec[] = [
  { type: 'Resource', name: 'cpu', target: { type: 'Utilization', averageUtilization: 80 } },
]

const all: ScalingPolicy = { type: 'Percent', value: 100, periodSeconds: 15 }

/**
 * Defaults for the fields of `behavior.scaleUp`, which apply if the spec contains `behavior`. A list of policies in the spec replaces the
 * default policies.
 */
export const defaultScaleUp = {
  stabilizationWindowSeconds: 0,
  selectPolicy: 'Max',
  policies: [{ type: 'Pods', value: 4, periodSeconds: 15 }, all],
} as const satisfies ScalingRules

/**
 * Defaults for `behavior.scaleDown`. There is no default scale-down stabilization window, so each sync uses the controller's
 * downscaleStabilizationSeconds option.
 */
export const defaultScaleDown = { selectPolicy: 'Max', policies: [all] } as const satisfies ScalingRules
