/** What a fault is, what is said of it beforehand, and how that is looked at. Types alone. */

/** Where the lab runs. */
export type Ground = 'compose' | 'embedded'

export type Labels = Readonly<Record<string, string>>

/** Something that can be looked at and holds, or does not. */
export type Look =
  /** Holds when Prometheus answers with at least one series. */
  | { kind: 'query'; promql: string }
  /** Holds when Alertmanager shows an alert with these labels, or when it shows none. */
  | { kind: 'alert'; labels: Labels; firing: boolean }
  /** Holds when the lab's entry answers a plain request within three tries, as a client would make them. */
  | { kind: 'entry' }
  /** Holds when Prometheus is ready, or when it is not. */
  | { kind: 'prometheus'; ready: boolean }
  /** Holds when the container has ended with this code. */
  | { kind: 'exited'; container: string; code: number }
  /** Holds when the embedded lab shows the replica in this state. */
  | { kind: 'state'; id: string; state: 'ready' | 'silent' }
  /** Holds when the embedded lab does not show the replica any more that began then. */
  | { kind: 'left'; id: string; startedAtSeconds: number }
  /** Holds when a figure of a replica of the embedded lab is above or below a bound. */
  | { kind: 'figure'; id: string; figure: 'eventLoopPercent' | 'memoryMiB'; above?: number; below?: number }
  /** Holds when the scaler of the embedded lab had nothing to go by when it decided last, or when it had. */
  | { kind: 'scaler'; blind: boolean }
  /** Holds when the embedded lab's entry takes longer, or less long, to answer a plain request. Milliseconds. */
  | { kind: 'answer'; above?: number; below?: number }
  /** Holds when so many replicas of the embedded lab are ready. */
  | { kind: 'ready'; atLeast: number }

/** One thing that is said beforehand. */
export interface Statement {
  /** While the fault lasts, or once it is undone. */
  phase: 'during' | 'after'
  what: string
  look: Look
  /** Seconds from the beginning of the phase; undefined: throughout the phase. */
  withinSeconds?: number
  /** Has to hold for so long without a break. Seconds. */
  steadySeconds?: number
}

/** One thing to do: a command of Docker's, code in a replica's process, or an order to the embedded lab. */
export type Step =
  | { kind: 'docker'; args: readonly string[]; withinSeconds?: number }
  | { kind: 'evaluate'; container: string; code: string }
  | { kind: 'order'; path: string; body: object }

/** What is known of the lab before the fault. */
export interface Scene {
  ground: Ground
  /** Compose's project. */
  project: string
  /** The replica that it hits, as in ws-2. */
  replica: string
  /** Address of that replica on the network `lab`. */
  address: string
  /** Replicas that run. */
  replicas: number
  /** What that replica uses, MiB. */
  memoryMiB: number
  /** When that replica was started, on the embedded lab. Unix seconds. */
  startedAtSeconds: number
  /** How long the fault lasts. */
  seconds: number
}

/** A fault with everything that is said of it. */
export interface Plan {
  fault: string
  /** One sentence: what will be done. */
  does: string
  begin: readonly Step[]
  undo: readonly Step[]
  statements: readonly Statement[]
  /** What is said and not asserted. */
  notes: readonly string[]
  /** What to type when this command did not get to undo it. */
  byHand: readonly string[]
}
