/** Combines the proposals of all metrics into a recommendation, to which stabilization and limits are applied later. */
import type { HpaEvent, MetricFailure, MetricReport } from './decision.ts'
import type { Evaluation } from './evaluation.ts'
import { evaluatePerPod } from './per-pod.ts'
import { selectorProblem } from './selector.ts'
import { tolerancesFor } from './tolerance.ts'
import type { ControllerOptions, HorizontalPodAutoscaler, MetricSpec, Observation, ReplicaCounts } from './types.ts'
import { evaluateWholeValue, isAverage, selectorText } from './whole-value.ts'

export interface MetricsRecommendation {
  readonly reports: readonly MetricReport[]
  /** Warning events, one for each failed metric. */
  readonly events: readonly HpaEvent[]
  /** Index in `reports` of the report with the largest proposal. */
  readonly winner: number | null
  /** The recommendation; null if too many metrics failed. */
  readonly recommendation: number | null
  /** The failure of the first metric that could not be evaluated, if any. */
  readonly failure: MetricFailure | null
  readonly failedCount: number
}

/**
 * Evaluates every metric and returns the largest proposal, like computeReplicasForMetrics in Kubernetes. If some metrics fail, the
 * remaining metrics can still cause a scale-up, but not a scale-down.
 */
export function recommend(
  hpa: HorizontalPodAutoscaler,
  options: ControllerOptions,
  observation: Observation,
  counts: ReplicaCounts,
): MetricsRecommendation {
  const tolerances = tolerancesFor(hpa, options)
  const evaluation: Evaluation = { observation, counts, tolerances, cpuTiming: options, namespace: hpa.namespace }
  const reports = hpa.metrics.map((metric) => reportOn(metric, evaluation))
  let winner: number | null = null
  let largest = 0
  reports.forEach(({ reasoning }, i) => {
    // As in Kubernetes, the search for the largest proposal starts with 0, so any later proposal replaces a proposal of 0.
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

function reportOn(metric: MetricSpec, evaluation: Evaluation): MetricReport {
  const isWhole = metric.type === 'Object' || metric.type === 'External'
  const problem = 'metric' in metric ? selectorProblem(metric.metric.selector) : null
  const evaluated = () => (isWhole ? evaluateWholeValue(metric, evaluation) : evaluatePerPod(metric, evaluation))
  const result = problem === null ? evaluated() : { error: problem }
  const failed = 'error' in result
  return {
    type: metric.type,
    name: nameOf(metric),
    description: describe(metric),
    target: metric.target,
    reasoning: failed ? null : result.value,
    failure: failed ? failureOf(metric, result.error, problem !== null) : null,
  }
}

function nameOf(metric: MetricSpec): string {
  return metric.type === 'Resource' || metric.type === 'ContainerResource' ? metric.name : metric.metric.name
}

/** Returns the words with which Kubernetes describes a metric in a rescale reason. */
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

/** Returns a failure with Kubernetes' messages, which depend on the metric type and on whether the selector is invalid. */
function failureOf(metric: MetricSpec, cause: string, bySelector: boolean): MetricFailure {
  const reason = `FailedGet${metric.type}Metric`
  switch (metric.type) {
    case 'Resource':
    case 'ContainerResource': {
      const what = metric.target.averageValueMilli === undefined ? 'utilization' : 'usage'
      const message = `failed to get ${metric.name} ${what}: ${cause}`
      const source = metric.type === 'Resource' ? `${metric.name} resource` : `${metric.container} container`
      return { reason, message, fullMessage: `failed to get ${source} metric value: ${message}` }
    }
    case 'Pods':
      return { reason, message: cause, fullMessage: `failed to get pods metric value: ${cause}` }
    case 'Object': {
      const wasRead = isAverage(metric) && metric.target.averageValueMilli !== undefined && !bySelector
      const inner = wasRead ? `failed to get ${metric.metric.name} object metric: ${cause}` : cause
      return { reason, message: cause, fullMessage: `failed to get object metric value: ${inner}` }
    }
    case 'External': {
      const { name } = metric.metric
      const inner = isAverage(metric) ? `failed to get ${name} external metric` : `failed to get external metric ${name}`
      return { reason, message: cause, fullMessage: `failed to get ${name} external metric value: ${inner}: ${cause}` }
    }
  }
}
