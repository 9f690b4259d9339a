/** Shortens the periods and windows of a recording, so that a run takes less time than the recording. Pure. */
import { failure, type Result, success } from '@lab/contract/result.ts'
import type { Behavior, ControllerOptions, HorizontalPodAutoscaler, Observation, Pod, PodReadings } from '@lab/scaler/core/types.ts'

/** Divides the periods and windows of an autoscaler. Fails if a result is not a whole number of seconds, which the API requires. */
export function compressedHpa(hpa: HorizontalPodAutoscaler, timeScale: number): Result<HorizontalPodAutoscaler> {
  const { behavior } = hpa
  if (behavior === undefined) return success(hpa)
  const problems: string[] = []
  const divided = (seconds: number, field: string) => {
    if (seconds % timeScale !== 0) problems.push(`spec.behavior.${field} is ${seconds} s, which is not divisible by ${timeScale}`)
    return seconds / timeScale
  }
  const rules = (direction: keyof Behavior) => {
    const { stabilizationWindowSeconds: window, policies, ...rest } = behavior[direction]
    return {
      ...rest,
      ...(window !== undefined && { stabilizationWindowSeconds: divided(window, `${direction}.stabilizationWindowSeconds`) }),
      policies: policies.map((policy, i) => ({
        ...policy,
        periodSeconds: divided(policy.periodSeconds, `${direction}.policies[${i}].periodSeconds`),
      })),
    }
  }
  const compressed = { ...hpa, behavior: { scaleUp: rules('scaleUp'), scaleDown: rules('scaleDown') } }
  return problems.length > 0 ? failure(...problems) : success(compressed)
}

/**
 * Time that is added to the sync period, in seconds. Without it, a policy period or window that is a multiple of the sync period would end
 * within the few milliseconds of a sync, and the result would be a matter of chance.
 */
const extraSyncSeconds = 0.1

/** Divides the periods of the controller's options. */
export function compressedOptions(options: ControllerOptions, timeScale: number): ControllerOptions {
  return {
    ...options,
    syncPeriodSeconds: options.syncPeriodSeconds / timeScale + extraSyncSeconds,
    downscaleStabilizationSeconds: options.downscaleStabilizationSeconds / timeScale,
    cpuInitializationPeriodSeconds: options.cpuInitializationPeriodSeconds / timeScale,
    initialReadinessDelaySeconds: options.initialReadinessDelaySeconds / timeScale,
  }
}

/** How the times of a recording correspond to the times of a run. */
export interface TimeMap {
  /** Time of the first recorded sync. */
  readonly recordedSeconds: number
  /** Time of the first sync of the run, in seconds since 1970. */
  readonly wallSeconds: number
  readonly timeScale: number
}

/** Converts all times of an observation to times of the run. */
export function movedObservation(observation: Observation, map: TimeMap): Observation {
  const moved = (seconds: number) => map.wallSeconds + (seconds - map.recordedSeconds) / map.timeScale
  const readings = <T extends PodReadings>(pod: T): T => ({
    ...pod,
    sample: pod.sample && {
      ...pod.sample,
      timeSeconds: moved(pod.sample.timeSeconds),
      windowSeconds: pod.sample.windowSeconds / map.timeScale,
    },
  })
  return {
    ...observation,
    timeSeconds: moved(observation.timeSeconds),
    pods: observation.pods.map(
      (pod): Pod => ({
        ...readings(pod),
        startTimeSeconds: pod.startTimeSeconds === null ? null : moved(pod.startTimeSeconds),
        ready: pod.ready && { ...pod.ready, sinceSeconds: moved(pod.ready.sinceSeconds) },
      }),
    ),
    orphans: (observation.orphans ?? []).map(readings),
  }
}

/** Returns an observation as the Kubernetes API can represent it: with whole seconds, valid names, and at least one container per pod. */
export function representable(observation: Observation): Observation {
  const readings = <T extends PodReadings>(pod: T): T => ({
    ...pod,
    name: podName(pod.name),
    sample: pod.sample && { ...pod.sample, timeSeconds: Math.floor(pod.sample.timeSeconds) },
  })
  return {
    ...observation,
    pods: observation.pods.map(
      (pod): Pod => ({
        ...readings(pod),
        startTimeSeconds: pod.startTimeSeconds === null ? null : Math.floor(pod.startTimeSeconds),
        ready: pod.ready && { ...pod.ready, sinceSeconds: Math.floor(pod.ready.sinceSeconds) },
        containers: pod.containers.length > 0 ? pod.containers : [{ name: 'main', requestsMilli: {} }],
      }),
    ),
    orphans: (observation.orphans ?? []).map(readings),
  }
}

/** Replaces the characters that a pod's name must not contain. */
function podName(name: string): string {
  return name
    .toLowerCase()
    .replaceAll(/[^a-z0-9.-]+/g, '-')
    .replaceAll(/^[^a-z0-9]+|[^a-z0-9]+$/g, '')
}
