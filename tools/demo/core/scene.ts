/** Defines the types of a scene, of the part of a lab that scenes use, and of the director that plays a scene. */
import type { FaultName } from '@lab/faults/catalogue/index.ts'
import type { Lab, LabScaler, LabStore, Readings, ScaleDownRules } from '@lab/lab/lab.ts'
import type { Measured, StillName } from './events.ts'
import type { Undo } from './undo-stack.ts'

/** A part of the lab that a scene requires: a running scaler, or a store that can be stopped. */
export type Need = 'scaler' | 'store'

export interface Scene {
  readonly name: string
  readonly title: string
  readonly needs: readonly Need[]
  /**
   * Runs the script of the scene. All changes that a scene makes through the director are undone when the scene ends, even after an
   * error.
   */
  play(director: Director): Promise<void>
}

/** The part of a lab that scenes use. */
export interface SceneLab
  extends Pick<Lab, 'kind' | 'readEverySeconds' | 'steadyShare' | 'sources' | 'readings' | 'setLoad' | 'scaleTo' | 'rollOut'> {
  readonly scaler: Pick<LabScaler, 'timeScale' | 'pause' | 'resume' | 'setScaleDown'> | undefined
  readonly store: Pick<LabStore, 'set'> | undefined
}

/** Whether a condition holds in the given readings. */
export type Fact = (now: Readings) => boolean

/** The result of waiting for a fact: the readings of the lab in which the fact was met, and the time that passed. */
export interface Met {
  readonly readings: Readings
  /** Time from the start of the wait until the fact was met. */
  readonly took: Measured
  /** Unix seconds. */
  readonly atSeconds: number
}

export interface Director {
  readonly seed: number
  /** The factor by which the scaler's clock is faster than in a cluster. */
  readonly timeScale: number
  /** Converts seconds of the scaler's clock into real seconds. */
  scaled(seconds: number): number
  /** Returns the minimum number of open sockets at which a load of `sockets` sockets counts as open. */
  near(sockets: number): number
  /** Picks one element of a list at random, determined by the seed. @throws Error if the list is empty */
  pick<T>(among: readonly T[]): T
  chapter(title: string): Promise<void>
  /**
   * Adds a caption. In a caption, `{name}` is replaced by one of `numbers`, or by a figure that is read from the lab when the caption is
   * added.
   * A caption that contains any digit outside a placeholder is rejected.
   */
  say(text: string, numbers?: Readonly<Record<string, Measured>>): Promise<void>
  /** Records a measured number without a caption. */
  note(name: string, measured: Measured): Promise<void>
  /** Marks the point in the scene at which the recording captures a still image. */
  still(name: StillName): Promise<void>
  /** Sets the number of sockets of the load until the scene ends, when the director restores the previous number of sockets. */
  load(sockets: number): Promise<void>
  /** Starts a fault from the catalogue on one replica. */
  fault(name: FaultName, replica: string, text: string): Promise<Undo>
  /** Stops Valkey. @throws Error if the lab cannot stop its store */
  stopStore(): Promise<Undo>
  /** Sets the number of replicas until the scene ends, when the director restores the previous number of replicas. */
  replicas(count: number): Promise<void>
  /**
   * Starts a rollout, which replaces every replica. Both the returned function and the director at the end of the scene wait until the
   * rollout has finished.
   */
  rollOut(): Promise<Undo>
  /** Pauses the scaler. Does nothing when the lab has no scaler or the scaler is already paused. */
  pauseScaler(): Promise<Undo>
  setScaleDown(rules: ScaleDownRules, text: string): Promise<Undo>
  /** Waits until a fact holds. The scene fails if the fact is not met within `withinSeconds`. */
  until(what: string, fact: Fact, withinSeconds: number): Promise<Met>
  /** Observes for `forSeconds`. The scene fails as soon as the given fact no longer holds. */
  throughout(what: string, fact: Fact, forSeconds: number): Promise<Met>
  now(): Promise<Readings>
}
