/** Defines the types of a fault: its data, and one pure function for each kind of lab that supports it. Only types. */
import type { CloseCause } from '@lab/contract/close-codes.ts'
import type { CheckOf, FactsOf, LabKind, StepOf } from '@lab/lab/lab.ts'

/** A condition that a fault is expected to cause on one kind of lab. */
export type Expectation<K extends LabKind> = Expected<CheckOf<K>>

/** A condition that must hold during a fault, or after the fault has been undone. @typeParam C the type of the condition's check */
export interface Expected<C> {
  /** Whether the condition is expected during the fault or after the fault has been undone. */
  readonly phase: 'during' | 'after'
  readonly what: string
  readonly check: C
  /** Time limit from the start of the phase; if undefined, the condition must hold throughout the phase. */
  readonly withinSeconds?: number
  /** How long the condition must hold without interruption. Seconds. */
  readonly steadySeconds?: number
  /** Whether the condition proves that the fault took effect. */
  readonly evidence?: true
}

/** A fault's effect on one lab, with all expectations, including those that only a longer fault could meet. */
export interface Draft<K extends LabKind> {
  /** One sentence that describes what changes in the lab. */
  readonly does: string
  readonly begin: readonly StepOf<K>[]
  readonly undo: readonly StepOf<K>[]
  readonly expect: readonly Expectation<K>[]
  /** Effects that are described to users but not checked. */
  readonly notes: readonly string[]
}

/** The properties that a fault has on one kind of lab. */
export interface FaultOn<K extends LabKind> {
  /** Default duration. Seconds. */
  readonly seconds: number
  /** Number of healthy replicas that the fault requires so that clients are still served. */
  readonly needsReplicas: number
  /** Whether the fault affects the scaler, so that the lab must run with one. */
  readonly needsScaler?: true
  draft(facts: FactsOf<K>): Draft<K>
}

/** Settings for a fault that the `prove` command injects under load as one of a series. */
export interface InPlan {
  /** Time that the plan reserves for the fault, which is sufficient even on a slow machine. */
  readonly takesSeconds: number
  /** How long the fault lasts after the first evidence of its effect. */
  readonly lastsSeconds: number
  /** Time limit for the evidence that the fault took effect. */
  readonly evidenceWithinSeconds: number
  /** How long every replica may take to become healthy and connected to its stores after the fault has been undone. */
  readonly wholeWithinSeconds: number
  /** Reasons for which connections to the affected replica may close; if the list is empty, no connection may close. */
  readonly mayEnd: readonly CloseCause[]
  /** How long connections may still close after the first evidence that the fault took effect, or after the fault has been undone. */
  readonly noticed: { readonly after: 'evidence' | 'undo'; readonly seconds: number }
  /** Whether the fault adds a replica, which is removed again when the fault is undone. */
  readonly addsReplica?: true
  /** Whether the fault affects every replica. */
  readonly hitsEvery?: true
  /** Whether the report states how much time passed between the start of the fault and the first evidence of its effect. */
  readonly timed?: true
  /** Whether the fault is useful only under load, as part of a plan. */
  readonly only?: true
}

export interface Fault {
  /** The fault's effect, in one line. */
  readonly what: string
  /** Whether the fault affects a single replica. */
  readonly hitsReplica: boolean
  readonly on: { readonly [K in LabKind]?: FaultOn<K> }
  /** Undefined if the `prove` command does not use the fault. */
  readonly inPlan?: InPlan
}

/** A fault that has been planned for one lab. */
export interface FaultPlan<K extends LabKind = LabKind> {
  readonly fault: string
  readonly does: string
  readonly seconds: number
  readonly begin: readonly StepOf<K>[]
  readonly undo: readonly StepOf<K>[]
  /** The expectations that can be met before the fault ends. */
  readonly expect: readonly Expectation<K>[]
  /** The expectations that prove that the fault took effect, no matter how long it lasts. */
  readonly evidence: readonly Expectation<K>[]
  readonly notes: readonly string[]
  /** Commands with which a user can undo the fault if the command that started it was killed. */
  readonly byHand: readonly string[]
}
