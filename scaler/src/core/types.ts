/**
 * What the engine is told: the autoscaler's specification, the controller's options and one observation of the world.
 * Amounts are whole thousandths of their unit (Kubernetes' "milli"): 500 is half a core, a byte is 1000. Moments and
 * lengths of time are seconds from any fixed zero.
 */

/** A metric by its name and, where several series share the name, the labels that tell them apart. */
export interface MetricIdentifier {
  readonly name: string
  readonly selector?: LabelSelector
}

export interface LabelSelector {
  readonly matchLabels?: Readonly<Record<string, string>>
  readonly matchExpressions?: readonly { readonly key: string; readonly operator: string; readonly values?: readonly string[] }[]
}

export interface ObjectReference {
  readonly apiVersion?: string
  readonly kind: string
  readonly name: string
}

export const metricTypes = ['ContainerResource', 'External', 'Object', 'Pods', 'Resource'] as const
export type MetricType = (typeof metricTypes)[number]

/** What the metric should be. Which number counts follows from the metric's type; an Object metric follows `type`. */
export interface MetricTarget {
  readonly type: string
  readonly averageUtilization?: number
  readonly averageValueMilli?: number
  readonly valueMilli?: number
}

export type MetricSpec =
  | { readonly type: 'Resource'; readonly name: string; readonly target: MetricTarget }
  | { readonly type: 'ContainerResource'; readonly name: string; readonly container: string; readonly target: MetricTarget }
  | { readonly type: 'Pods'; readonly metric: MetricIdentifier; readonly target: MetricTarget }
  | {
      readonly type: 'Object'
      readonly metric: MetricIdentifier
      readonly describedObject: ObjectReference
      readonly target: MetricTarget
    }
  | { readonly type: 'External'; readonly metric: MetricIdentifier; readonly target: MetricTarget }

export const policyTypes = ['Percent', 'Pods'] as const
export const selectPolicies = ['Disabled', 'Max', 'Min'] as const

export interface ScalingPolicy {
  readonly type: (typeof policyTypes)[number]
  readonly value: number
  readonly periodSeconds: number
}

/** One direction of `behavior`, defaults filled in. */
export interface ScalingRules {
  /** Left out for scaleDown: the controller's downscaleStabilizationSeconds. */
  readonly stabilizationWindowSeconds?: number
  readonly selectPolicy: (typeof selectPolicies)[number]
  readonly policies: readonly ScalingPolicy[]
  /** A ratio: 0.1 is 10 %. Left out: the controller's tolerance. */
  readonly tolerance?: number
}

export interface Behavior {
  readonly scaleUp: ScalingRules
  readonly scaleDown: ScalingRules
}

/** A HorizontalPodAutoscaler with Kubernetes' defaults filled in. */
export interface HorizontalPodAutoscaler {
  readonly name: string
  readonly namespace: string
  /** metadata.labels: only shown. */
  readonly labels?: Readonly<Record<string, string>>
  readonly scaleTargetRef: ObjectReference
  readonly minReplicas: number
  readonly maxReplicas: number
  readonly metrics: readonly MetricSpec[]
  /** Left out: the older way of limiting is taken, which is not the same as an empty behavior. */
  readonly behavior?: Behavior
}

export interface FeatureGates {
  /** Alpha: minReplicas may be 0. */
  readonly HPAScaleToZero: boolean
  /** Beta: behavior.*.tolerance is heard. */
  readonly HPAConfigurableTolerance: boolean
}

/** Kubernetes v1.36's defaults. */
export const defaultFeatureGates: FeatureGates = { HPAScaleToZero: false, HPAConfigurableTolerance: true }

/** Flags of kube-controller-manager that bear on the autoscaler. */
export interface ControllerOptions {
  readonly syncPeriodSeconds: number
  readonly downscaleStabilizationSeconds: number
  readonly tolerance: number
  readonly cpuInitializationPeriodSeconds: number
  readonly initialReadinessDelaySeconds: number
  readonly featureGates: FeatureGates
}

/** Kubernetes v1.36's defaults. */
export const defaultControllerOptions: ControllerOptions = {
  syncPeriodSeconds: 15,
  downscaleStabilizationSeconds: 300,
  tolerance: 0.1,
  cpuInitializationPeriodSeconds: 300,
  initialReadinessDelaySeconds: 30,
  featureGates: defaultFeatureGates,
}

/** resource name → amount in thousandths */
export type ResourceAmounts = Readonly<Record<string, number>>

/** The newest resource sample of a pod: usage over `windowSeconds` up to `timeSeconds`, by container. */
export interface ResourceSample {
  readonly timeSeconds: number
  readonly windowSeconds: number
  readonly usageMilli: Readonly<Record<string, ResourceAmounts>>
}

/** What the metrics say of one pod, which may be gone already. */
export interface PodReadings {
  readonly name: string
  /** null: the resource metrics know nothing of this pod. */
  readonly sample: ResourceSample | null
  /** seriesKey of a Pods metric → value. A key that is absent is a missing value, not zero. */
  readonly valuesMilli: Readonly<Record<string, number>>
}

export interface Pod extends PodReadings {
  readonly phase: 'Pending' | 'Running' | 'Succeeded' | 'Failed' | 'Unknown'
  /** Its deletion has begun: it drains, and is not counted any more. */
  readonly deleting: boolean
  readonly startTimeSeconds: number | null
  /** The Ready condition and the moment it last changed; null: no such condition yet. */
  readonly ready: { readonly status: 'True' | 'False' | 'Unknown'; readonly sinceSeconds: number } | null
  readonly containers: readonly { readonly name: string; readonly requestsMilli: ResourceAmounts }[]
}

/** Everything the engine sees at one synchronisation. */
export interface Observation {
  readonly timeSeconds: number
  /** The scale target's wanted and observed counts, or why they cannot be read. */
  readonly scale: { readonly specReplicas: number; readonly statusReplicas: number } | { readonly error: string }
  readonly pods: readonly Pod[]
  /** Readings of pods that are not in the list any more. */
  readonly orphans?: readonly PodReadings[]
  /** seriesKey of an Object metric → value. */
  readonly objectValuesMilli: Readonly<Record<string, number>>
  /** seriesKey of an External metric → one value per series. */
  readonly externalValuesMilli: Readonly<Record<string, readonly number[]>>
  /** seriesKey → why its readings could not be had, for the messages. */
  readonly failures?: Readonly<Record<string, string>>
}

/** The key under which an observation holds the readings of a metric. */
export function seriesKey(metric: MetricSpec): string {
  if (metric.type === 'Resource' || metric.type === 'ContainerResource') return `resource/${metric.name}`
  const object = metric.type === 'Object' ? ` of ${metric.describedObject.kind}/${metric.describedObject.name}` : ''
  const selector = metric.metric.selector ? ` ${JSON.stringify(metric.metric.selector)}` : ''
  return metric.metric.name + object + selector
}
