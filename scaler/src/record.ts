/**
 * The record of a synchronisation, which is one JSON line of the decision log. Commands, metrics, reports, replay and a restarted scaler
 * use only the records of the decision log.
 */
import type { Decision, Memory } from './core/decision.ts'
import type { ControllerOptions, HorizontalPodAutoscaler, Observation } from './core/types.ts'

/** Results of actions that were started on the replicas. */
export const carriedOutResults = ['Succeeded', 'Failed', 'Interrupted'] as const

/** The action that follows a decision. */
export interface ActionRecord {
  readonly from: number
  readonly to: number
  readonly result: (typeof carriedOutResults)[number] | 'DryRun'
  readonly durationSeconds: number
  /** Names of the removed replicas, such as ws-4. If replicas were added, the list of removed replicas is empty. */
  readonly removed: readonly string[]
  /** Reason for a failed action, in one line. */
  readonly error?: string
}

/** A change of the number of replicas by another client, since the previous synchronisation or during the current one. */
export interface ChangeByHand {
  readonly from: number
  readonly to: number
}

export interface TickRecord {
  /** Wall-clock time of the synchronisation, ISO 8601. */
  readonly time: string
  /** The arguments with which decide() was called. All arguments are recorded, so that the decision can be repeated. */
  readonly hpa: HorizontalPodAutoscaler
  readonly options: ControllerOptions
  /** Factor of time compression: with 10, every period and window takes a tenth of its time; 1 is real time. */
  readonly timeScale: number
  /** Whether the scaler was paused. */
  readonly paused: boolean
  /** Revisions of the rollout that is under way; absent if no rollout is under way. */
  readonly rollout?: { readonly from: number; readonly to: number }
  /** A change of the number of replicas by another client; absent if no such change is known. */
  readonly changedByHand?: ChangeByHand
  /**
   * Reason why the newest version of the HPA file or mapping file was refused, so that the previous version stays in use. This reason is
   * absent if the newest versions of both files are in use.
   */
  readonly refusedFiles?: string
  readonly observation: Observation
  readonly decision: Decision
  /** What the engine remembers after the synchronisation; a restarted scaler continues with this memory. */
  readonly memory: Memory
  readonly action: ActionRecord | null
  readonly decideSeconds: number
}
