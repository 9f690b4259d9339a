/** What all metrics together ask for, before any window or limit. */
import type { HpaEvent, MetricFailure, MetricReport } from './decision.ts'
import { evaluatePerPod } from './per-pod.ts'
import { tolerancesFor } from './tolerance.ts'
import type { ControllerOptions, HorizontalPodAutoscaler, MetricSpec, Observation } from './types.ts'
import { evaluateWholeValue, isAverage, selectorText } from './whole-value.ts'

export interface MetricsVerdict {
  readonly reports: readonly MetricReport[]
  /** One warning per failed metric. */
  readonly events: readonly HpaEvent[]
  readonly winner: number | null
  /** null: too much has failed to decide; `failure` says what. */
  readonly recommendation: number | null
  /** Of the first metric that failed. */
  readonly failure: MetricFailure | null
  readonly failedCount: number
}

/** Evaluates every metric and takes the largest proposal. When some failed, it never proposes fewer than there are. */
export function recommend(
  hpa: HorizontalPodAutoscaler,
  options: ControllerOptions,
  observation: Observation,
  counts: { readonly specReplicas: number; readonly statusReplicas: number },
): MetricsVerdict {
  const reports = hpa.metrics.map((metric) => reportOn(metric, hpa, options, observation, counts))
  let winner: number | null = null
  let largest = 0
  reports.forEach(({ reasoning }, i) => {
    // Kubernetes starts from 0, so a proposal of 0 gives way to the next one, whatever that is.
    if (reasoning === null || (largest !== 0 && reasoning.proposal <= largest)) return
    winner = i
    largest = reasoning.proposal
  })
  const failures = reports.flatMap(({ failure }) => failure ?? [])
  const undecidable = winner === null || (failures.length > 0 && largest < counts.specReplicas)
  return {
    reports,
    events: failures.map(({ reason, message }) => ({ type: 'Warning', reason, message })),
    winner: undecidable ? null : winner,
    recommendation: undecidable ? null : Math.max(largest, 0),
    failure: failures[0] ?? null,
    failedCount: failures.length,
  }
}

function reportOn(
  metric: MetricSpec,
  hpa: HorizontalPodAutoscaler,
  options: ControllerOptions,
  observation: Observation,
  counts: { readonly specReplicas: number; readonly statusReplicas: number },
): MetricReport {
  const tolerances = tolerancesFor(hpa, options)
  const result =
    metric.type === 'Object' || metric.type === 'External'
      ? evaluateWholeValue(metric, observation, counts, tolerances, hpa.namespace)
      : evaluatePerPod(metric, observation, counts.specReplicas, tolerances, options)
  return {
    type: metric.type,
    name: nameOf(metric),
    description: describe(metric),
    target: metric.target,
    ...('error' in result ? { reasoning: null, failure: failureOf(metric, result.error) } : { reasoning: result.value, failure: null }),
  }
}

function nameOf(metric: MetricSpec): string {
  return metric.type === 'Resource' || metric.type === 'ContainerResource' ? metric.name : metric.metric.name
}

/** The phrase Kubernetes uses for the metric in reasons. */
function describe(metric: MetricSpec): string {
  switch (metric.type) {
    case 'Resource':
    case 'ContainerResource': {
      if (metric.target.averageValueMilli !== undefined) return `${metric.name} resource`
      const source = metric.type === 'Resource' ? 'resource' : 'container resource'
      return `${metric.name} ${source} utilization (percentage of request)`
    }
    case 'Pods':
      return `pods metric ${metric.metric.name}`
    case 'Object':
      if (!isAverage(metric)) return `${metric.describedObject.kind} metric ${metric.metric.name}`
      return `external metric ${metric.metric.name}(${selectorText(metric)})`
    case 'External':
      return `external metric ${metric.metric.name}(${selectorText(metric)})`
  }
}

/** Kubernetes wraps the cause differently for each type. */
function failureOf(metric: MetricSpec, cause: string): MetricFailure {
  const reason = `FailedGet${metric.type}Metric`
  switch (metric.type) {
    case 'Resource':
    case 'ContainerResource': {
      const what = metric.target.averageValueMilli === undefined ? 'utilization' : 'usage'
      const message = `failed to get ${metric.name} ${what}: ${cause}`
      const source = metric.type === 'Resource' ? 'resource' : 'container'
      return { reason, message, fullMessage: `failed to get ${metric.name} ${source} metric value: ${message}` }
    }
    case 'Pods':
      return { reason, message: cause, fullMessage: `failed to get pods metric value: ${cause}` }
    case 'Object': {
      const inner = isAverage(metric) ? `failed to get ${metric.metric.name} object metric: ${cause}` : cause
      return { reason, message: cause, fullMessage: `failed to get object metric value: ${inner}` }
    }
    case 'External': {
      const { name } = metric.metric
      const inner = isAverage(metric) ? `failed to get ${name} external metric` : `failed to get external metric ${name}`
      return { reason, message: cause, fullMessage: `failed to get ${name} external metric value: ${inner}: ${cause}` }
    }
  }
}
