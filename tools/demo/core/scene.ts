/** Defines the types of a scene, of the part of a lab that scenes use, and of the director that plays scenes. */
import type { FaultName } from '@lab/faults/catalogue/index.ts'
import type { LabScaler, LabStore, LocalLab, Readings, ScaleDownRules } from '@lab/lab/lab.ts'
import type { Measured } from './events.ts'
import type { Undo } from './undo-stack.ts'

/** A feature of the lab that a scene requires: a running scaler, or a store that can be stopped. */
export type Need = 'scaler' | 'store'

export interface Scene {
  readonly name: string
  readonly title: string
  readonly needs: readonly Need[]
  /** Runs the scene's script. All changes that a scene makes through the director are undone when the scene ends, even after an error. */
  play(director: Director): Promise<void>
}

/** The part of a lab that scenes use. */
export interface SceneLab
  extends Pick<
    LocalLab,
    'kind' | 'readEverySeconds' | 'steadyShare' | 'sources' | 'readings' | 'setLoad' | 'scaleTo' | 'rollOut' | 'deployFailing'
  > {
  readonly scaler: Pick<LabScaler, 'timeScale' | 'pause' | 'resume' | 'setScaleDown'> | undefined
  readonly store: Pick<LabStore, 'set'> | undefined
}

/** A condition, as a function that returns whether the given readings meet it. */
export type Fact = (now: Readings) => boolean

/** Result of waiting for a condition: the readings in which the condition was met, and the time that the wait took. */
export interface Met {
  readonly readings: Readings
  /** Time from the start of the wait until the condition was met. */
  readonly took: Measured
  /** Unix seconds. */
  readonly atSeconds: number
}

export interface Director {
  readonly seed: number
  /** Factor by which the scaler's clock runs faster than in a cluster. */
  readonly timeScale: number
  /** The source of each figure in the lab's readings. */
  readonly sources: SceneLab['sources']
  /** Converts seconds on the scaler's clock into real seconds. */
  scaled(seconds: number): number
  /** Returns how many sockets must be open for a load of `sockets` sockets to count as fully open. */
  near(sockets: number): number
  /** Picks one element of a list at random, based on the seed. @throws Error if the list is empty */
  pick<T>(among: readonly T[]): T
  chapter(title: string): Promise<void>
  /**
   * Adds a caption. Each `{name}` in a caption is replaced with one of `numbers`, or with a figure that is read from the lab when the
   * caption is added. A caption with any digit outside a placeholder is rejected.
   */
  say(text: string, numbers?: Readonly<Record<string, Measured>>): Promise<void>
  /** Records a measured number without adding a caption. */
  note(name: string, measured: Measured): Promise<void>
  /** Marks the point at which a recording captures a still image. */
  still(name: string): Promise<void>
  /** Shows the first of these views that the lab has, if the scene is recorded. */
  show(views: readonly string[]): Promise<void>
  /**
   * Shows a command and its output in the terminal, if the scene is recorded.
   * @param lines texts of which each shown line of the output contains one; by default, all lines are shown
   */
  run(command: string, lines: readonly string[] | undefined): Promise<void>
  /** Gives the viewer time, while the lab continues. */
  hold(seconds: number): Promise<void>
  /** Sets the load's number of sockets; the director restores the previous number when the scene ends. */
  load(sockets: number): Promise<void>
  /** Starts a fault from the catalogue on a single replica. */
  fault(name: FaultName, replica: string, text: string): Promise<Undo>
  /** Stops Valkey. @throws Error if the lab cannot stop its store */
  stopStore(): Promise<Undo>
  /** Sets the number of replicas; the director restores the previous number when the scene ends. */
  replicas(count: number): Promise<void>
  /**
   * Starts a rollout, which replaces every replica. The returned function waits until the rollout has finished; the director also waits for
   * the rollout at the end of the scene.
   */
  rollOut(): Promise<Undo>
  /**
   * Deploys a failing version to the other colour, and waits until the lab has rolled the deploy back. The scene fails if the rollback
   * takes longer than `withinSeconds`, or as soon as the given condition is no longer met.
   */
  deployFailing(what: string, fact: Fact, withinSeconds: number): Promise<Met>
  /** Pauses the scaler. Does nothing if the lab has no scaler or the scaler is already paused. */
  pauseScaler(): Promise<Undo>
  setScaleDown(rules: ScaleDownRules, text: string): Promise<Undo>
  /** Waits until a condition is met. The scene fails if the condition is not met within `withinSeconds`. */
  until(what: string, fact: Fact, withinSeconds: number): Promise<Met>
  /** Observes for `forSeconds`. The scene fails as soon as the given condition is no longer met. */
  throughout(what: string, fact: Fact, forSeconds: number): Promise<Met>
  now(): Promise<Readings>
}
