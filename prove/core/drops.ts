/** Which of the faults a lost connection comes from, if any. Pure. */
import { type CloseCause, causeOfCode } from '../../contract/src/close-codes.ts'
import type { FaultKind } from './fault-kinds.ts'
import type { Drop } from './ledger.ts'

/** A fault as it happened. */
export interface FaultRecord {
  kind: FaultKind
  /** The replica it hit, if it hit one. */
  replica: string | undefined
  /** From the act to the moment from which on nothing more is due to it; wall-clock time, milliseconds since 1970. */
  fromMs: number
  toMs: number
  /** Whether there is evidence that it took place, and which. */
  happened: boolean
  detail: string
  /** From SIGTERM to the end of the process, for a drain. Milliseconds. */
  tookMs?: number
  /** What did not go as it must: a drain that ended with an error, a Valkey that did not come back. */
  failed?: string
}

/** What the fault may do to connections of its replica. Kinds that are not here may not cost a single one. */
const mayCause: Partial<Record<FaultKind, readonly CloseCause[]>> = {
  drain: ['draining', 'replaced', 'moving_on'],
  scale: ['draining', 'replaced', 'moving_on'],
  kill: ['abnormal', 'heartbeat_lost', 'internal'],
  pause: ['abnormal', 'heartbeat_lost', 'replaced', 'moving_on'],
}

/** The fault that a drop is due to, if any. */
export function faultOf(drop: Drop, faults: readonly FaultRecord[]): FaultRecord | undefined {
  const cause = causeOfCode(drop.code)
  return faults.find(
    ({ kind, replica, fromMs, toMs }) =>
      replica !== undefined &&
      (replica === drop.replica || drop.replica === undefined) &&
      drop.atMs >= fromMs &&
      drop.atMs <= toMs &&
      mayCause[kind]?.includes(cause),
  )
}

/** How a drop is accounted for: the kind of fault, `rebalance` for a replica that shed load, or nothing. */
export function explain(drop: Drop, faults: readonly FaultRecord[]): FaultKind | 'rebalance' | undefined {
  const cause = causeOfCode(drop.code)
  const fault = faultOf(drop, faults)
  if (fault !== undefined) return fault.kind
  return drop.told === 'rebalancing' && (cause === 'replaced' || cause === 'moving_on') ? 'rebalance' : undefined
}
