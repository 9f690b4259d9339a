/** What a scene is, and what its director can do. Types alone. */
import type { FaultName } from '../../chaos/core/faults.ts'
import type { Measured, StillName, Surface } from './events.ts'
import type { Need, Readings, ScalerSettings } from './stage.ts'
import type { Undo } from './undo-stack.ts'

export interface Scene {
  readonly name: string
  readonly title: string
  readonly surfaces: readonly Surface[]
  readonly needs: readonly Need[]
  /** A script of facts. What it does through the director is undone when it ends, however it ends. */
  play(director: Director): Promise<void>
}

/** Whether something holds in these readings. */
export type Fact = (now: Readings) => boolean

/** A fact that was met. */
export interface Met {
  readonly readings: Readings
  /** Since it began to be waited for. */
  readonly took: Measured
  /** Unix seconds. */
  readonly atSeconds: number
}

export interface Director {
  readonly surface: Surface
  readonly seed: number
  /** How much faster than in a cluster the scaler's time goes. */
  readonly timeScale: number
  /** How long something takes here that takes so long by the scaler's clock. Seconds. */
  scaled(seconds: number): number
  /** As many sockets of so many as are open at any time. */
  near(sockets: number): number
  /** One of these, by the seed. Throws when there are none. */
  pick<T>(among: readonly T[]): T
  chapter(title: string): Promise<void>
  /**
   * Tells what there is to see. {name} stands for a figure of the lab, read now, or for one of `numbers`; a text has no other
   * numbers.
   */
  say(text: string, numbers?: Readonly<Record<string, Measured>>): Promise<void>
  /** Keeps a number. */
  note(name: string, measured: Measured): Promise<void>
  /** A moment to take a picture of. */
  still(name: StillName): Promise<void>
  /** Has so many sockets open. At the end as many as before. */
  load(sockets: number): Promise<void>
  fault(name: FaultName, replica: string | null, text: string): Promise<Undo>
  storeAway(): Promise<Undo>
  /** Has so many replicas; at the end as many as now. */
  replicas(count: number): Promise<void>
  /** Asks a replica to leave for good, as an update does. */
  retire(replica: string): Promise<void>
  /** Where there is one. */
  pauseScaler(): Promise<Undo>
  setScaler(settings: ScalerSettings, text: string): Promise<Undo>
  /** Waits for a fact; the scene ends when it is not met within that time. */
  until(what: string, fact: Fact, withinSeconds: number): Promise<Met>
  /** Looks on for so long; the scene ends when the fact does not hold all the while. */
  throughout(what: string, fact: Fact, forSeconds: number): Promise<Met>
  now(): Promise<Readings>
}
