/** Formats the output of `diff`: where an autoscaler and its shadow decide differently. */
import type { Decision } from '../core/decision.ts'
import type { TickRecord } from '../record.ts'
import { getStyle, tabulate } from './tabulate.ts'
import { counted } from './words.ts'

/** Returns the number of replicas that exist after a decision was carried out; null if the current number is unknown. */
export function replicasAfterDecision({ scaleTo, currentReplicas }: Decision): number | null {
  return scaleTo ?? currentReplicas
}

export interface Comparison {
  readonly time: string
  readonly name: string
  readonly shadow: string
  readonly current: number | null
  readonly live: number | null
  readonly shadowWould: number | null
  readonly why: string
}

/** Returns the syncs in which an autoscaler and its shadow decided differently, and the number of syncs that have a shadow. */
export function comparisonsOf(records: readonly TickRecord[]): { readonly compared: number; readonly differences: readonly Comparison[] } {
  let compared = 0
  const differences = records.flatMap((record): Comparison[] => {
    const { time, hpa, decision, shadow } = record
    if (shadow === undefined) return []
    compared += 1
    const [live, shadowWould] = [replicasAfterDecision(decision), replicasAfterDecision(shadow.decision)]
    if (live === shadowWould) return []
    const why = `live: ${reasonOf(decision)}; shadow: ${reasonOf(shadow.decision)}`
    return [{ time, name: hpa.name, shadow: shadow.hpa.name, current: decision.currentReplicas, live, shadowWould, why }]
  })
  return { compared, differences }
}

function reasonOf({ rescaleReason, boundBy, scaleTo }: Decision): string {
  if (scaleTo === null) return boundBy === null ? 'no change' : `no change (${boundBy})`
  return boundBy === null ? rescaleReason : `${rescaleReason} (${boundBy})`
}

/** Returns a summary and a table with one row for each sync with a difference. */
export function diffText({ compared, differences }: ReturnType<typeof comparisonsOf>): string {
  const summary = `${counted(compared, 'decision')} compared: ${differences.length === 0 ? 'all equal' : `${differences.length} differ`}\n`
  if (differences.length === 0) return summary
  const rows = differences.map(({ time, name, shadow, current, live, shadowWould, why }) =>
    [time, name, shadow, current ?? 'unknown', live ?? 'unknown', shadowWould ?? 'unknown', why].join('\t'),
  )
  return `${summary}${tabulate(['TIME\tNAME\tSHADOW\tCURRENT\tLIVE\tSHADOW-WOULD\tWHY', ...rows].join('\n'), getStyle)}\n`
}
