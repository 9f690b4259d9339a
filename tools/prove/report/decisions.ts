/** Converts the scaler's decision log into the report's decisions. Pure. */

import { planFaults } from '@lab/faults/catalogue/index.ts'
import type { FaultRecord } from '@lab/ledger/drops.ts'
import type { TickRecord } from '@lab/scaler/record.ts'
import type { ScaleDecision } from './scaling.ts'

/**
 * @param words returns a decision record's description as text
 * @returns the decisions that successfully changed the number of replicas
 */
export function decisionsOf(records: readonly TickRecord[], words: (record: TickRecord) => string): ScaleDecision[] {
  return records.flatMap((record) => {
    const { action, time } = record
    if (action === null || action.result !== 'Succeeded') return []
    const { from, to, durationSeconds, removed } = action
    return [{ atMs: Date.parse(time), from, to, reason: words(record), tookSeconds: durationSeconds, removed }]
  })
}

/**
 * Treats the removal of each replica as a fault, because a draining replica asks its clients to reconnect. The fault lasts from the decision
 * until one second after the replica exits.
 */
export function removalsOf(decisions: readonly ScaleDecision[]): FaultRecord[] {
  return decisions.flatMap(({ atMs, from, to, tookSeconds, removed }) =>
    removed.map(
      (replica): FaultRecord => ({
        kind: 'scale',
        mayEnd: planFaults.scale.inPlan.mayEnd,
        replica,
        fromMs: atMs,
        toMs: atMs + tookSeconds * 1000 + 1000,
        happened: true,
        detail: `${from} → ${to}: ${replica} was removed`,
      }),
    ),
  )
}
