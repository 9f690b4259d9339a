/**
 * Defines the record of a sync, which is stored as one JSON line in the decision log. Commands, metrics, reports, replays and a restarted
 * scaler rely only on the records in the decision log.
 */
import type { Decision, Memory } from './core/decision.ts'
import type { ControllerOptions, HorizontalPodAutoscaler, Observation } from './core/types.ts'

/** Possible results of a scaling action that was actually started. */
export const carriedOutResults = ['Succeeded', 'Failed', 'Interrupted'] as const

/** The scaling action that the scaler took after a decision or, in a dry run, would have taken. */
export interface ActionRecord {
  readonly from: number
  readonly to: number
  readonly result: (typeof carriedOutResults)[number] | 'DryRun'
  readonly durationSeconds: number
  /** Names of the removed replicas, such as ws-4; empty if replicas were added. */
  readonly removed: readonly string[]
  /** One-line reason why the action failed. */
  readonly error?: string
}

/** A change that another client made to the number of replicas, since the previous sync or during the current one. */
export interface ChangeByHand {
  readonly from: number
  readonly to: number
}

export interface TickRecord {
  /** Wall-clock time of the sync, in ISO 8601 format. */
  readonly time: string
  /** All arguments with which decide() was called are recorded, so that the decision can be reproduced. */
  readonly hpa: HorizontalPodAutoscaler
  readonly options: ControllerOptions
  /** Time compression factor: with 10, every period and window takes a tenth of its normal time; 1 is real time. */
  readonly timeScale: number
  /** Whether the scaler was paused. */
  readonly paused: boolean
  /** Revisions of the current rollout; absent if no rollout is under way. */
  readonly rollout?: { readonly from: number; readonly to: number }
  /** A change that another client made to the number of replicas; absent if no such change is known. */
  readonly changedByHand?: ChangeByHand
  /**
   * Reason why the newest version of the HPA file or mapping file was refused, so that the previous versions remain in use; absent if the
   * newest versions of both files are in use.
   */
  readonly refusedFiles?: string
  /** All autoscalers of the same scale target, as NAMESPACE/NAME; absent if there is only one. */
  readonly sharing?: readonly string[]
  /** The decision of the shadow, an autoscaler that never acts, on the same observation; absent if there is none. */
  readonly shadow?: { readonly hpa: HorizontalPodAutoscaler; readonly decision: Decision; readonly memory: Memory }
  readonly observation: Observation
  readonly decision: Decision
  /** The engine's remembered state after the sync; a restarted scaler continues with this state. */
  readonly memory: Memory
  readonly action: ActionRecord | null
  readonly decideSeconds: number
}
