/** What Kubernetes fills in where a specification says nothing. */
import type { MetricSpec, ScalingPolicy, ScalingRules } from './types.ts'

export const defaultMinReplicas = 1

/** Without any metric: cpu at 80 % of the requests. */
export const defaultMetrics: readonly MetricSpec[] = [
  { type: 'Resource', name: 'cpu', target: { type: 'Utilization', averageUtilization: 80 } },
]

const all: ScalingPolicy = { type: 'Percent', value: 100, periodSeconds: 15 }

/** With a `behavior`, even an empty one, each direction is completed field by field; given policies replace these whole. */
export const defaultScaleUp = {
  stabilizationWindowSeconds: 0,
  selectPolicy: 'Max',
  policies: [{ type: 'Pods', value: 4, periodSeconds: 15 }, all],
} as const satisfies ScalingRules

/** The window stays unset: it is taken from the controller at each synchronisation. */
export const defaultScaleDown = { selectPolicy: 'Max', policies: [all] } as const satisfies ScalingRules
