/** Finds the fault that caused a lost connection. Pure. */
import { type CloseCause, causeOfCode } from '../contract/src/close-codes.ts'
import type { Drop } from './ledger.ts'

/** Used in place of a replica's name if a fault affects all replicas. */
export const everyReplica = '*'

/** A fault that was injected during the run. */
export interface FaultRecord {
  /** Name of the fault in the fault catalogue. */
  kind: string
  /** The affected replica or `everyReplica`; undefined if the fault affects no replica. */
  replica: string | undefined
  /** Period in which the fault has effects, in milliseconds since 1970. */
  fromMs: number
  toMs: number
  /** Close causes that the fault can explain. If the list is empty, the fault must not close any connections. */
  mayEnd: readonly CloseCause[]
  /** Whether the fault took place; `detail` contains the evidence, or the reason why it did not. */
  happened: boolean
  detail: string
  /** Duration of a drain: milliseconds from SIGTERM to the process's exit. */
  tookMs?: number
  /** Error that occurred during the fault, for example when a draining replica exited with an error. */
  failed?: string
}

/** Returns the fault that caused a lost connection, if there is one. */
export function faultOf(drop: Drop, faults: readonly FaultRecord[]): FaultRecord | undefined {
  const cause = causeOfCode(drop.code)
  return faults.find(
    ({ mayEnd, replica, fromMs, toMs }) =>
      replica !== undefined &&
      (replica === drop.replica || replica === everyReplica || drop.replica === undefined) &&
      drop.atMs >= fromMs &&
      drop.atMs <= toMs &&
      mayEnd.includes(cause),
  )
}

/** Returns the cause of a lost connection: the kind of fault, or `rebalance`; undefined if the cause is unknown. */
export function explain(drop: Drop, faults: readonly FaultRecord[]): string | undefined {
  const cause = causeOfCode(drop.code)
  const fault = faultOf(drop, faults)
  if (fault !== undefined) return fault.kind
  return drop.goodbye === 'rebalancing' && (cause === 'replaced' || cause === 'moving_on') ? 'rebalance' : undefined
}
