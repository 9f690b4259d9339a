/**
 * Decides for an autoscaler whose scale target has other autoscalers as well. Like Kubernetes' HPA controller, such an autoscaler does not
 * evaluate its metrics, and reports the reason AmbiguousSelector; it still keeps the number of replicas between its minimum and maximum.
 * Pure.
 */
import { setCondition } from './core/conditions.ts'
import type { Step } from './core/decide.ts'
import { decide } from './core/decide.ts'
import type { HpaEvent, Memory } from './core/decision.ts'
import type { ControllerOptions, HorizontalPodAutoscaler, Observation } from './core/types.ts'

/** The label by which Compose selects the containers of a service, as a Deployment selects its pods. */
export const serviceLabel = 'com.docker.compose.service'

/**
 * Makes a decision as decide() does, unless several autoscalers have the same scale target.
 * @param sharing all autoscalers of the scale target, as NAMESPACE/NAME; empty if this autoscaler is the only one
 */
export function decideWith(
  hpa: HorizontalPodAutoscaler,
  options: ControllerOptions,
  observation: Observation,
  memory: Memory,
  sharing: readonly string[],
): Step {
  // Kubernetes finds the other autoscalers by the pods that they select, so a target without pods has none.
  const isEmpty = 'specReplicas' in observation.scale && observation.scale.specReplicas === 0
  if (sharing.length < 2 || isEmpty) return decide(hpa, options, observation, memory)
  // Without metrics, the engine makes only those decisions that Kubernetes makes before it reads the selector.
  const step = decide({ ...hpa, metrics: [] }, options, observation, memory)
  if (step.decision.path !== 'MetricsFailed') return step
  const message = `pods by selector ${serviceLabel}=${hpa.scaleTargetRef.name} are controlled by multiple HPAs: [${sharing.join(' ')}]`
  const event = (reason: string): HpaEvent => ({ type: 'Warning', reason, message })
  const conditions = setCondition(step.decision.conditions, {
    type: 'ScalingActive',
    status: 'False',
    reason: 'AmbiguousSelector',
    message,
    sinceSeconds: observation.timeSeconds,
  })
  return {
    decision: { ...step.decision, conditions, events: [event('AmbiguousSelector'), event('FailedComputeMetricsReplicas')] },
    memory: { ...step.memory, status: { ...step.memory.status, conditions } },
  }
}
