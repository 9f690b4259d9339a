/** Replays a load with the settings of an autoscaler, and with KEDA's changes between zero and one replica. Pure. */
import type { HorizontalPodAutoscaler } from '@lab/scaler/core/types.ts'
import type { LoadTick, RecordedLoad } from '@lab/scaler/replay/load.ts'
import { type CurvePoint, type Override, replay } from '@lab/scaler/replay/replay.ts'
import type { Activation } from './keda.ts'

/** Returns the replica curve of an autoscaler. @param activation the activation of a ScaledObject; undefined for an HPA */
export function play(title: string, hpa: HorizontalPodAutoscaler, load: RecordedLoad, activation?: Activation): CurvePoint[] {
  if (activation === undefined || activation.idleReplicas === null) return [...replay(title, hpa, load).points]
  const { points } = replay(title, hpa, load, keda(activation, activation.idleReplicas))
  // While no trigger is active, the load needs no replicas.
  return points.map((point, i) => {
    const tick = load.ticks[i]
    return tick === undefined || isActive(activation, tick) ? point : { ...point, needed: 0 }
  })
}

/** Returns KEDA's changes: it wakes the workload up when a trigger is active, and puts it to sleep after the cooldown period. */
function keda({ wakeReplicas, cooldownSeconds, pollingSeconds, ...rest }: Activation, idleReplicas: number): Override {
  const activation = { ...rest, wakeReplicas, cooldownSeconds, pollingSeconds }
  let polledAt = Number.NEGATIVE_INFINITY
  let activeAt: number | null = null
  return (tick, replicas) => {
    if (tick.timeSeconds - polledAt < pollingSeconds) return null
    polledAt = tick.timeSeconds
    if (isActive(activation, tick)) {
      activeAt = tick.timeSeconds
      return replicas <= idleReplicas ? wakeReplicas : null
    }
    const cooledDown = activeAt === null || tick.timeSeconds - activeAt > cooldownSeconds
    return replicas > idleReplicas && cooledDown ? idleReplicas : null
  }
}

/** Whether any trigger exceeds its activation threshold. */
function isActive({ thresholdsMilli }: Pick<Activation, 'thresholdsMilli'>, { observation }: LoadTick): boolean {
  return Object.entries(thresholdsMilli).some(([key, threshold]) => {
    const values = observation.externalValuesMilli[key] ?? []
    return values.reduce((sum, one) => sum + one, 0) > threshold
  })
}
