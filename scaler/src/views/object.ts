/** Formats the autoscaler as an autoscaling/v2 object with its status, like `kubectl get -o json` and `-o yaml`. */
import { stringify } from 'yaml'
import type { Condition, MetricCurrent, MetricReport } from '../core/decision.ts'
import type { Behavior, HorizontalPodAutoscaler, MetricIdentifier, MetricSpec, MetricTarget, ScalingRules } from '../core/types.ts'
import type { View } from './view.ts'
import { quantityText, targetText, timeText } from './words.ts'

/** Names of the annotations that contain a view's notes (view.ts). An annotation is absent if its note does not apply to the record. */
export const annotationNames = {
  timeScale: 'scaler/time-scale',
  paused: 'scaler/paused',
  refusedFiles: 'scaler/refused-files',
} as const

/** Returns the autoscaling/v2 object as JSON values. */
export function v2Object(view: View): object {
  const { hpa } = view
  const marks = annotations(view)
  return {
    apiVersion: 'autoscaling/v2',
    kind: 'HorizontalPodAutoscaler',
    metadata: {
      name: hpa.name,
      namespace: hpa.namespace,
      ...(hpa.labels && { labels: hpa.labels }),
      creationTimestamp: timeText(view.createdMs),
      ...(Object.keys(marks).length > 0 && { annotations: marks }),
    },
    spec: specOf(hpa),
    status: statusOf(view),
  }
}

/** Returns the object of a single autoscaler, or a list of objects, like kubectl. */
function document(views: readonly View[]): object {
  const [first, ...others] = views.map(v2Object)
  if (first !== undefined && others.length === 0) return first
  return { apiVersion: 'v1', kind: 'List', items: views.map(v2Object) }
}

/** Returns a JSON document with kubectl's indentation and a trailing newline. */
export function getJson(...views: readonly View[]): string {
  return `${JSON.stringify(document(views), null, 4)}\n`
}

/** Returns a YAML document. */
export function getYaml(...views: readonly View[]): string {
  return stringify(document(views), { lineWidth: 0 })
}

/** Returns the notes about the newest record as annotations of the HPA object. */
export function annotations({ newest }: View): Record<string, string> {
  return {
    ...(newest.timeScale !== 1 && { [annotationNames.timeScale]: String(newest.timeScale) }),
    ...(newest.paused && { [annotationNames.paused]: 'true' }),
    ...(newest.refusedFiles !== undefined && { [annotationNames.refusedFiles]: newest.refusedFiles }),
  }
}

/** Returns the spec of the autoscaling/v2 object. */
export function specOf({ scaleTargetRef, minReplicas, maxReplicas, metrics, behavior }: HorizontalPodAutoscaler): object {
  return {
    scaleTargetRef,
    minReplicas,
    maxReplicas,
    metrics: metrics.map((metric) => metricEntry(metric, 'target', targetOf(metric.target))),
    ...(behavior && { behavior: behaviorOf(behavior) }),
  }
}

/** Returns a metric as an entry in the spec or the status; the two kinds of entries differ only in their last field. */
function metricEntry(metric: MetricSpec, field: 'target' | 'current', value: object): object {
  switch (metric.type) {
    case 'Resource':
      return { type: metric.type, resource: { name: metric.name, [field]: value } }
    case 'ContainerResource':
      return { type: metric.type, containerResource: { name: metric.name, container: metric.container, [field]: value } }
    case 'Pods':
      return { type: metric.type, pods: { metric: identifierOf(metric.metric), [field]: value } }
    case 'External':
      return { type: metric.type, external: { metric: identifierOf(metric.metric), [field]: value } }
    case 'Object': {
      const { describedObject } = metric
      return { type: metric.type, object: { describedObject, metric: identifierOf(metric.metric), [field]: value } }
    }
  }
}

function identifierOf({ name, selector }: MetricIdentifier): object {
  return { name, ...(selector && { selector }) }
}

function targetOf({ type, averageUtilization, averageValueMilli, valueMilli }: MetricTarget): object {
  return {
    type,
    ...(averageUtilization !== undefined && { averageUtilization }),
    ...(averageValueMilli !== undefined && { averageValue: targetText(averageValueMilli) }),
    ...(valueMilli !== undefined && { value: targetText(valueMilli) }),
  }
}

function behaviorOf({ scaleUp, scaleDown }: Behavior): object {
  return { scaleUp: rulesOf(scaleUp), scaleDown: rulesOf(scaleDown) }
}

function rulesOf({ stabilizationWindowSeconds, selectPolicy, policies, tolerance }: ScalingRules): object {
  return {
    ...(stabilizationWindowSeconds !== undefined && { stabilizationWindowSeconds }),
    selectPolicy,
    policies,
    ...(tolerance !== undefined && { tolerance: String(tolerance) }),
  }
}

function statusOf(view: View): object {
  const { hpa, newest, reports, currentReplicas, wallMs } = view
  const { desiredReplicas, conditions, lastScaleTimeSeconds } = newest.decision
  return {
    ...(lastScaleTimeSeconds !== null && { lastScaleTime: timeText(wallMs(lastScaleTimeSeconds)) }),
    currentReplicas,
    desiredReplicas,
    currentMetrics: hpa.metrics.map((metric, i) => currentEntry(metric, reports[i])),
    conditions: conditions.map((condition) => conditionOf(condition, wallMs)),
  }
}

/**
 * Returns a metric's status entry. If the metric has no value, the entry contains only an empty `type` field, so that each status entry has
 * the same position as the corresponding spec entry.
 */
function currentEntry(metric: MetricSpec, report: MetricReport | undefined): object {
  const current = report?.reasoning?.current
  return current === undefined ? { type: '' } : metricEntry(metric, 'current', currentOf(current))
}

function currentOf({ averageUtilization, averageValueMilli, valueMilli, exactMilli }: MetricCurrent): object {
  const text = (milli: number) => quantityText(exactMilli === undefined ? milli : BigInt(exactMilli))
  return {
    ...(averageUtilization !== undefined && { averageUtilization }),
    ...(averageValueMilli !== undefined && { averageValue: text(averageValueMilli) }),
    ...(valueMilli !== undefined && { value: text(valueMilli) }),
  }
}

function conditionOf({ type, status, reason, message, sinceSeconds }: Condition, wallMs: View['wallMs']): object {
  return { type, status, lastTransitionTime: timeText(wallMs(sinceSeconds)), reason, message }
}
