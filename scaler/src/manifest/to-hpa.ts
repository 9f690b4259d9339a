/** Converts a document to the engine's spec, with defaults applied and quantities converted to numbers. */
import { defaultMetrics, defaultMinReplicas, defaultScaleDown, defaultScaleUp } from '../core/defaults.ts'
import { doubleOf, milliOf } from '../core/quantities.ts'
import type {
  HorizontalPodAutoscaler,
  LabelSelector,
  MetricIdentifier,
  MetricSpec,
  MetricTarget,
  ObjectReference,
  ScalingPolicy,
  ScalingRules,
} from '../core/types.ts'
import { policyTypes, selectPolicies } from '../core/types.ts'
import { nameOf, namespaceOf } from './metadata.ts'
import type { V1Document, V2Document, V2Metric, V2MetricIdentifier, V2Reference, V2Rules, V2Spec, V2Target } from './v2.ts'
import { apiVersion, kind } from './v2.ts'

/** Converts a valid document. In an invalid document, a missing name becomes empty, and a missing number becomes 0. */
export function toHpa({ metadata, spec }: V2Document): HorizontalPodAutoscaler {
  const given: V2Spec = spec ?? {}
  const metrics = (given.metrics ?? []).flatMap((metric) => toMetric(metric) ?? [])
  const { behavior } = given
  return {
    name: nameOf(metadata ?? {}),
    namespace: namespaceOf(metadata ?? {}),
    ...(metadata?.labels != null && { labels: metadata.labels }),
    scaleTargetRef: toReference(given.scaleTargetRef),
    minReplicas: given.minReplicas ?? defaultMinReplicas,
    maxReplicas: given.maxReplicas ?? 0,
    metrics: metrics.length === 0 ? defaultMetrics : metrics,
    ...(behavior != null && {
      behavior: { scaleUp: toRules(behavior.scaleUp, defaultScaleUp), scaleDown: toRules(behavior.scaleDown, defaultScaleDown) },
    }),
  }
}

function toReference(reference: V2Reference | null | undefined): ObjectReference {
  return {
    kind: reference?.kind ?? '',
    name: reference?.name ?? '',
    ...(reference?.apiVersion != null && { apiVersion: reference.apiVersion }),
  }
}

function toMetric({ type, resource, containerResource, pods, object, external }: V2Metric): MetricSpec | null {
  if (type === 'Resource') return { type, name: resource?.name ?? '', target: toTarget(resource?.target) }
  if (type === 'ContainerResource') {
    const { name, container, target } = containerResource ?? {}
    return { type, name: name ?? '', container: container ?? '', target: toTarget(target) }
  }
  if (type === 'Pods') return { type, metric: toIdentifier(pods?.metric), target: toTarget(pods?.target) }
  if (type === 'External') return { type, metric: toIdentifier(external?.metric), target: toTarget(external?.target) }
  if (type !== 'Object') return null
  const describedObject = toReference(object?.describedObject)
  return { type, metric: toIdentifier(object?.metric), describedObject, target: toTarget(object?.target) }
}

function toIdentifier(identifier: V2MetricIdentifier | null | undefined): MetricIdentifier {
  const selector = identifier?.selector
  return { name: identifier?.name ?? '', ...(selector != null && { selector: toSelector(selector) }) }
}

function toSelector({ matchLabels, matchExpressions }: NonNullable<V2MetricIdentifier['selector']>): LabelSelector {
  return {
    ...(matchLabels != null && { matchLabels }),
    ...(matchExpressions != null && {
      matchExpressions: matchExpressions.map(({ key, operator, values }) => ({
        key: key ?? '',
        operator: operator ?? '',
        ...(values != null && { values }),
      })),
    }),
  }
}

function toTarget(target: V2Target | null | undefined): MetricTarget {
  const { type, averageUtilization, averageValue, value } = target ?? {}
  return {
    type: type ?? '',
    ...(averageUtilization != null && { averageUtilization }),
    ...(averageValue != null && { averageValueMilli: milliOf(averageValue) }),
    ...(value != null && { valueMilli: milliOf(value) }),
  }
}

function toRules(rules: V2Rules | null | undefined, defaults: ScalingRules): ScalingRules {
  const window = rules?.stabilizationWindowSeconds ?? defaults.stabilizationWindowSeconds
  return {
    selectPolicy: selectPolicies.find((known) => known === rules?.selectPolicy) ?? defaults.selectPolicy,
    policies: rules?.policies?.flatMap((policy) => toPolicy(policy) ?? []) ?? defaults.policies,
    ...(window !== undefined && { stabilizationWindowSeconds: window }),
    ...(rules?.tolerance != null && { tolerance: doubleOf(rules.tolerance) }),
  }
}

function toPolicy({ type, value, periodSeconds }: NonNullable<V2Rules['policies']>[number]): ScalingPolicy | null {
  const known = policyTypes.find((name) => name === type)
  return known === undefined ? null : { type: known, value: value ?? 0, periodSeconds: periodSeconds ?? 0 }
}

/** Annotations in which old versions of kubectl stored fields that autoscaling/v1 lacks. */
const v1Annotation = /^autoscaling\.alpha\.kubernetes\.io\/(metrics|behavior)$/

/** Converts an object to autoscaling/v2. Returns null if the conversion would lose fields stored in annotations. */
export function v2Of({ metadata, spec }: V1Document): V2Document | null {
  if (Object.keys(metadata?.annotations ?? {}).some((key) => v1Annotation.test(key))) return null
  const { targetCPUUtilizationPercentage: averageUtilization, ...rest } = spec ?? {}
  const target = { type: 'Utilization', averageUtilization }
  const metrics = averageUtilization == null ? [] : [{ type: 'Resource', resource: { name: 'cpu', target } }]
  return { apiVersion, kind, metadata, spec: { ...rest, metrics } }
}
