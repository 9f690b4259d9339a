/** Groups pods into ready, unready, missing and ignored for a metric, like groupPods in Kubernetes. */
import type { PodGroups } from './decision.ts'
import type { ControllerOptions, Pod } from './types.ts'

/**
 * The value of one metric for one pod. For a resource metric, the `timeSeconds` and `windowSeconds` fields describe the sample; for other
 * metrics, they are 0.
 */
export interface PodValue {
  readonly milli: bigint
  readonly timeSeconds: number
  readonly windowSeconds: number
}

export type CpuTiming = Pick<ControllerOptions, 'cpuInitializationPeriodSeconds' | 'initialReadinessDelaySeconds'>

/**
 * Groups the pods for a metric.
 * @param cpuTiming the CPU initialization period and the initial readiness delay; null for all metrics except CPU usage. The CPU usage of a
 * pod that is starting is not caused by load, so the pod counts as unready even if it has a sample.
 */
export function groupPods(
  pods: readonly Pod[],
  values: ReadonlyMap<string, PodValue>,
  nowSeconds: number,
  cpuTiming: CpuTiming | null,
): PodGroups {
  const unready: string[] = []
  const missing: string[] = []
  const ignored: string[] = []
  let readyCount = 0
  for (const pod of pods) {
    const value = values.get(pod.name)
    if (pod.deleting || pod.phase === 'Failed') ignored.push(pod.name)
    else if (pod.phase === 'Pending') unready.push(pod.name)
    else if (value === undefined) missing.push(pod.name)
    else if (cpuTiming && isStarting(pod, value, nowSeconds, cpuTiming)) unready.push(pod.name)
    else readyCount += 1
  }
  return { readyCount, unready, missing, ignored }
}

function isStarting(pod: Pod, value: PodValue, nowSeconds: number, timing: CpuTiming): boolean {
  const { ready, startTimeSeconds } = pod
  if (ready === null || startTimeSeconds === null) return true
  if (startTimeSeconds + timing.cpuInitializationPeriodSeconds > nowSeconds) {
    // A sample whose window began before the pod became ready includes the pod's start-up.
    return ready.status === 'False' || value.timeSeconds < ready.sinceSeconds + value.windowSeconds
  }
  // After the CPU initialization period, only a pod that has never been ready counts as unready.
  // The value of a pod that has been ready before is used even while that pod is not ready.
  return ready.status === 'False' && startTimeSeconds + timing.initialReadinessDelaySeconds > ready.sinceSeconds
}
