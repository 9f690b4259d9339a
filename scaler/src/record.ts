/**
 * What is written down of every synchronisation: one JSON line. Everything that looks back reads these lines and
 * nothing else: commands, metrics, dashboards, reports, replay, and the scaler itself after a restart.
 */
import type { Decision, Memory } from './core/decision.ts'
import type { ControllerOptions, HorizontalPodAutoscaler, Observation } from './core/types.ts'

/** How an action that was begun may end. */
export const carriedOutResults = ['Succeeded', 'Failed', 'Interrupted'] as const

/** What was done about a decision. */
export interface ActionRecord {
  readonly from: number
  readonly to: number
  readonly result: (typeof carriedOutResults)[number] | 'DryRun'
  readonly durationSeconds: number
  /** Names of the replicas that went, as in ws-4; empty when replicas were added. */
  readonly removed: readonly string[]
  /** Why it failed, in one line. */
  readonly error?: string
}

/** Somebody else changed the number of replicas: since the synchronisation before, or while this one decided. */
export interface ChangeByHand {
  readonly from: number
  readonly to: number
}

export interface TickRecord {
  /** Wall-clock time of the synchronisation, ISO 8601. */
  readonly time: string
  /** The specification and the options as decide() got them: only with both can the decision be taken again. */
  readonly hpa: HorizontalPodAutoscaler
  readonly options: ControllerOptions
  /** 1: real time. 10: every period and window takes a tenth of what the file says. */
  readonly timeScale: number
  /** True while a person has told the scaler to leave the replicas alone. */
  readonly paused: boolean
  /** Absent: nobody else changed the number of replicas, as far as is known. */
  readonly changedByHand?: ChangeByHand
  /** Why the files as they are now are not taken, in one line: those from before hold. Absent: they are taken. */
  readonly refusedFiles?: string
  readonly observation: Observation
  readonly decision: Decision
  /** As it is after the synchronisation: a restarted scaler goes on from here. */
  readonly memory: Memory
  readonly action: ActionRecord | null
  readonly decideSeconds: number
}
