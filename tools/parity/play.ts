/** Plays a recording to a running HPA controller, one recorded moment per sync. */
import { pause } from '@lab/host/until.ts'
import type { HorizontalPodAutoscaler, Observation } from '@lab/scaler/core/types.ts'
import type { AuditLog } from './audit-log.ts'
import type { ControlPlane } from './control-plane.ts'
import type { Sync } from './core/audit.ts'
import { representable } from './core/compressed.ts'
import type { Reported } from './core/metrics-api.ts'
import { createWorkload } from './workload.ts'

/** The recorded state that the API server must show before the controller's next sync. */
export interface Moment {
  readonly observation: Observation
  readonly hpa: HorizontalPodAutoscaler
  /** Whether the controller is replaced with a new one, which has no memory. */
  readonly restart: boolean
}

export interface Stage {
  readonly plane: ControlPlane
  readonly audit: AuditLog
  /** What the metrics server reports, keyed by namespace. */
  readonly reported: Map<string, Reported>
  readonly syncPeriodSeconds: number
  /** Restarts the controller. */
  readonly restart: () => Promise<void>
}

/** A moment as it was played: what the controller could read, and what it did. */
export interface Played {
  readonly observation: Observation
  readonly hpa: HorizontalPodAutoscaler
  readonly restart: boolean
  readonly sync: Sync
  /** Whether the state was complete before the controller's sync began, and did not change before the sync ended. */
  readonly inTime: boolean
}

/** Part of the sync period after which a sync has certainly ended. The rest of the period is available for the next state. */
const settled = 0.3
/** Maximum number of sync periods to wait for a sync, in addition to the time that a new controller needs to start. */
const waitedPeriods = 3
const startWithinMs = 60_000

export interface Play {
  readonly namespace: string
  /** Name of the Deployment that the autoscaler scales. */
  readonly target: string
  /** Number of moments. */
  readonly count: number
  /** Returns the moment with the given index, for a sync at the given time; it may depend on what the controller has written. */
  readonly next: (index: number, atSeconds: number, before: Sync | undefined) => Moment
}

/** Plays moments in a new namespace. */
export async function play(stage: Stage, { namespace, target, count, next }: Play): Promise<Played[]> {
  const { plane, audit, reported, syncPeriodSeconds, restart } = stage
  const withinMs = startWithinMs + waitedPeriods * syncPeriodSeconds * 1000
  const workload = await createWorkload(plane.api, namespace, target)
  const played: Played[] = []
  let moment: Moment | undefined
  for (let i = 0; i < count; i++) {
    const before = played.at(-1)?.sync
    const planned = (before?.atSeconds ?? Date.now() / 1000) + syncPeriodSeconds
    const { hpa: hpaBefore } = moment ?? {}
    moment = next(i, planned, before)
    const { hpa, restart: isRestart } = moment
    const observation = representable(moment.observation)
    await workload.apply(observation)
    reported.set(namespace, { hpa, observation })
    if (hpa !== hpaBefore) await workload.setAutoscaler(hpa)
    if (isRestart) await restart()
    const completeAtSeconds = Date.now() / 1000
    await audit.sync(namespace, i + 1, withinMs)
    await pause(settled * syncPeriodSeconds * 1000, plane.ended)
    const sync = await audit.sync(namespace, i + 1, withinMs)
    if (sync.scaleTo !== null) workload.wrote(sync.scaleTo)
    played.push({ observation, hpa, restart: isRestart, sync, inTime: completeAtSeconds <= sync.atSeconds })
  }
  // Events are written asynchronously, and a sync may have taken longer than expected, so the final log is read again.
  const syncs = await audit.syncs(namespace)
  return played.map((one, i) => {
    const sync = syncs[i] ?? one.sync
    return { ...one, sync, inTime: one.inTime && sync.endSeconds <= sync.atSeconds + settled * syncPeriodSeconds }
  })
}
