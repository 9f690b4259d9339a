/**
 * Defines the input to a decision: the autoscaler's spec, the controller's options, and an observation of the workload. Amounts are whole
 * thousandths of their unit (Kubernetes' "milli"): half a core is 500, and a byte is 1000. Times are in seconds since an arbitrary but
 * fixed point, and durations are in seconds.
 */

/** The name of a metric and an optional selector that distinguishes series with the same name. */
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

/**
 * A metric's target in the spec. The metric's type determines which of the target's numbers applies; for an Object metric, the target's own
 * `type` field does.
 */
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

/** The rules for one scaling direction in `behavior`, with defaults applied. */
export interface ScalingRules {
  /** If scaleDown has no stabilization window, the controller's downscaleStabilizationSeconds applies. */
  readonly stabilizationWindowSeconds?: number
  readonly selectPolicy: (typeof selectPolicies)[number]
  readonly policies: readonly ScalingPolicy[]
  /** The tolerance as a ratio: 0.1 means 10 %. If `tolerance` is absent, the controller's tolerance applies. */
  readonly tolerance?: number
}

export interface Behavior {
  readonly scaleUp: ScalingRules
  readonly scaleDown: ScalingRules
}

/** A HorizontalPodAutoscaler with Kubernetes' defaults applied. */
export interface HorizontalPodAutoscaler {
  readonly name: string
  readonly namespace: string
  /** The value of metadata.labels, which commands such as `describe` display. */
  readonly labels?: Readonly<Record<string, string>>
  readonly scaleTargetRef: ObjectReference
  readonly minReplicas: number
  readonly maxReplicas: number
  readonly metrics: readonly MetricSpec[]
  /** If `behavior` is absent, legacy limits apply, which differ from those of an empty `behavior`. */
  readonly behavior?: Behavior
}

export interface FeatureGates {
  /** Alpha feature: minReplicas may be 0. */
  readonly HPAScaleToZero: boolean
  /** Beta feature: `behavior.*.tolerance` replaces the controller's tolerance. */
  readonly HPAConfigurableTolerance: boolean
}

/** The feature gates' default values in Kubernetes v1.36. */
export const defaultFeatureGates: FeatureGates = { HPAScaleToZero: false, HPAConfigurableTolerance: true }

/** The kube-controller-manager flags for the HPA controller. */
export interface ControllerOptions {
  readonly syncPeriodSeconds: number
  readonly downscaleStabilizationSeconds: number
  readonly tolerance: number
  readonly cpuInitializationPeriodSeconds: number
  readonly initialReadinessDelaySeconds: number
  readonly featureGates: FeatureGates
}

/** The controller options' default values in Kubernetes v1.36. */
export const defaultControllerOptions: ControllerOptions = {
  syncPeriodSeconds: 15,
  downscaleStabilizationSeconds: 300,
  tolerance: 0.1,
  cpuInitializationPeriodSeconds: 300,
  initialReadinessDelaySeconds: 30,
  featureGates: defaultFeatureGates,
}

/** Resource amounts in thousandths, keyed by resource name. */
export type ResourceAmounts = Readonly<Record<string, number>>

/** A pod's newest resource sample: the usage per container in the `windowSeconds` before `timeSeconds`. */
export interface ResourceSample {
  readonly timeSeconds: number
  readonly windowSeconds: number
  readonly usageMilli: Readonly<Record<string, ResourceAmounts>>
}

/** The metric values of a pod that may no longer exist. */
export interface PodReadings {
  readonly name: string
  /** The newest resource sample; null if the resource metrics contain no sample for this pod. */
  readonly sample: ResourceSample | null
  /** Values of Pods metrics, keyed by seriesKey. An absent key means that the value is missing, not that it is zero. */
  readonly valuesMilli: Readonly<Record<string, number>>
}

export interface Pod extends PodReadings {
  readonly phase: 'Pending' | 'Running' | 'Succeeded' | 'Failed' | 'Unknown'
  /** Whether the pod is being deleted. A pod that is being deleted is draining and does not count as a replica. */
  readonly deleting: boolean
  readonly startTimeSeconds: number | null
  /** The Ready condition with the time of its last change; null if the pod has no such condition yet. */
  readonly ready: { readonly status: 'True' | 'False' | 'Unknown'; readonly sinceSeconds: number } | null
  readonly containers: readonly { readonly name: string; readonly requestsMilli: ResourceAmounts }[]
}

/** The replica counts of the scale target. */
export interface ReplicaCounts {
  /** The value of spec.replicas, which is the requested number of replicas. */
  readonly specReplicas: number
  /** The value of status.replicas, which is the actual number of replicas. */
  readonly statusReplicas: number
}

/** The state of the workload and its metrics at the time of a sync. */
export interface Observation {
  readonly timeSeconds: number
  /** The replica counts of the scale target, or the error that occurred while reading them. */
  readonly scale: ReplicaCounts | { readonly error: string }
  readonly pods: readonly Pod[]
  /** The metric values of pods that are no longer in the pod list. */
  readonly orphans?: readonly PodReadings[]
  /** Values of Object metrics, keyed by seriesKey. */
  readonly objectValuesMilli: Readonly<Record<string, number>>
  /** Values of External metrics, keyed by seriesKey, with one value per series. */
  readonly externalValuesMilli: Readonly<Record<string, readonly number[]>>
  /** The reasons why metrics are unavailable, keyed by seriesKey; they appear in error messages. */
  readonly failures?: Readonly<Record<string, string>>
}

/** Returns the key under which observations store a metric. */
export function seriesKey(metric: MetricSpec): string {
  if (metric.type === 'Resource' || metric.type === 'ContainerResource') return `resource/${metric.name}`
  const object = metric.type === 'Object' ? ` of ${metric.describedObject.kind}/${metric.describedObject.name}` : ''
  const selector = metric.metric.selector ? ` ${JSON.stringify(metric.metric.selector)}` : ''
  return metric.metric.name + object + selector
}
