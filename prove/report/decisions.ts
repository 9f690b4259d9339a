/** From the scaler's decision log to what the report tells of it. Pure. */
import type { TickRecord } from '../../scaler/src/record.ts'
import type { FaultRecord } from '../core/drops.ts'
import type { ScaleDecision } from './scaling.ts'

/**
 * @param words what a record says, for people
 * @returns the changes that succeeded
 */
export function decisionsOf(records: readonly TickRecord[], words: (record: TickRecord) => string): ScaleDecision[] {
  return records.flatMap((record) => {
    const { action, time } = record
    if (action === null || action.result !== 'Succeeded') return []
    const { from, to, durationSeconds, removed } = action
    return [{ atMs: Date.parse(time), from, to, reason: words(record), tookSeconds: durationSeconds, removed }]
  })
}

/** A replica that was taken away may tell its clients to go, from the decision until a second after its end. */
export function removalsOf(decisions: readonly ScaleDecision[]): FaultRecord[] {
  return decisions.flatMap(({ atMs, from, to, tookSeconds, removed }) =>
    removed.map(
      (replica): FaultRecord => ({
        ...{ kind: 'scale', replica, fromMs: atMs, toMs: atMs + tookSeconds * 1000 + 1000, happened: true },
        detail: `${from} → ${to}: ${replica} has left`,
      }),
    ),
  )
}
