/** Which pods count for a metric as they are, which are missing from it, and which are left out. */
import type { PodGroups } from './decision.ts'
import type { ControllerOptions, Pod } from './types.ts'

/** A pod's value of one metric. Time and window are those of a resource sample; other metrics have none. */
export interface PodValue {
  readonly milli: bigint
  readonly timeSeconds: number
  readonly windowSeconds: number
}

export type CpuTiming = Pick<ControllerOptions, 'cpuInitializationPeriodSeconds' | 'initialReadinessDelaySeconds'>

/**
 * Sorts the pods. `cpuTiming` is given for a resource metric named cpu only: a pod that starts burns CPU which says
 * nothing about the load, so such pods are unready although they have a sample.
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
    // A sample that began before the pod became ready holds the cost of starting.
    return ready.status === 'False' || value.timeSeconds < ready.sinceSeconds + value.windowSeconds
  }
  // Later only a pod that has never been ready is left out; one that lost its readiness counts.
  return ready.status === 'False' && startTimeSeconds + timing.initialReadinessDelaySeconds > ready.sinceSeconds
}
