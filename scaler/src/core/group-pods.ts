/** Groups pods by whether their value of a metric counts, is missing, or is ignored, like groupPods in Kubernetes. */
import type { PodGroups } from './decision.ts'
import type { ControllerOptions, Pod } from './types.ts'

/**
 * The value of one metric for one pod. For a resource metric, the fields `timeSeconds` and `windowSeconds` describe the sample; for other
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
 * @param cpuTiming periods for the resource metric cpu; null for all other metrics. The CPU usage of a pod that is starting is not caused
 * by load, so the pod counts as unready even if it has a sample.
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
    // The window of the sample began before the pod became ready, so the sample includes the start-up.
    return ready.status === 'False' || value.timeSeconds < ready.sinceSeconds + value.windowSeconds
  }
  // After the CPU initialization period, only a pod that has never been ready is unready. If a pod has been ready at some time, its value
  // is used even while the pod is not ready.
  return ready.status === 'False' && startTimeSeconds + timing.initialReadinessDelaySeconds > ready.sinceSeconds
}
