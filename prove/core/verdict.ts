/** The verdict: both ledgers, the connections and the faults, merged to PASS or FAIL. Pure. */
import { causeOfCode } from '../../contract/src/close-codes.ts'
import { compareLedgers, type DeliveryCounts } from './deliveries.ts'
import { explain, type FaultRecord } from './drops.ts'
import type { FaultKind } from './fault-kinds.ts'
import { type FindingKind, Findings, findingKinds } from './findings.ts'
import type { ClientLedger, LogEntry } from './ledger.ts'
import type { WireBreach } from './wire.ts'

/** Everything a run has written down. */
export interface History {
  ledger: ClientLedger
  /** The room log of the run in its order; undefined when there is no way to it. */
  log: readonly LogEntry[] | undefined
  faults: readonly FaultRecord[]
  /** Kinds of faults that must have happened. */
  required: readonly FaultKind[]
  /** What replicas sent wrongly, and on which connection. */
  wire: readonly { connection: string; breach: WireBreach }[]
}

export interface Verdict {
  pass: boolean
  counts: DeliveryCounts
  /** Cases of each kind, also of those that did not happen. */
  findings: Record<FindingKind, { count: number; first: readonly string[] }>
  drops: { total: number; explained: Record<string, number>; unexplained: Record<string, number> }
  /** Faults that took place, by kind. */
  faults: Partial<Record<FaultKind, number>>
}

/** @returns the verdict; it passes when nothing was found and something was there to be found */
export function judge({ ledger, log, faults, required, wire }: History): Verdict {
  const findings = new Findings()
  const counts = compareLedgers(ledger, log, findings)
  const drops: Verdict['drops'] = { total: ledger.drops.length, explained: {}, unexplained: {} }
  for (const drop of ledger.drops) {
    const why = explain(drop, faults)
    const cause = causeOfCode(drop.code)
    const key = why === undefined ? cause : `${why}: ${cause}`
    const side = why === undefined ? drops.unexplained : drops.explained
    side[key] = (side[key] ?? 0) + 1
    if (why !== undefined) continue
    findings.add('unexplained', () => {
      const told = drop.told === undefined ? '' : `, after a goodbye (${drop.told})`
      return `member ${drop.member} lost ${drop.replica ?? 'a replica before its greeting'} with ${drop.code} (${cause}) at ${new Date(drop.atMs).toISOString()}${told}`
    })
  }
  for (const { member, room, detail } of ledger.gaps) {
    findings.add('gap', () => `member ${member}${room === undefined ? '' : ` in ${room}`}: ${detail}`)
  }
  for (const { connection, breach } of wire) {
    findings.add(breach.kind, () => {
      const data = breach.data === undefined ? '' : `, which carried ${JSON.stringify(breach.data)}`
      return `number ${breach.offset} of ${breach.room}${data}, on ${connection}`
    })
  }
  const happened = countFaults(faults)
  for (const { kind, failed } of faults) if (failed !== undefined) findings.add('failed', () => `${kind}: ${failed}`)
  for (const kind of required) {
    if (!happened[kind]) findings.add('silent', () => `${kind}: ${faults.find((fault) => fault.kind === kind)?.detail ?? 'never tried'}`)
  }
  return {
    pass: findings.total === 0 && counts.accepted > 0 && counts.delivered > 0,
    counts,
    findings: asRecord(findings),
    drops,
    faults: happened,
  }
}

function countFaults(faults: readonly FaultRecord[]): Partial<Record<FaultKind, number>> {
  const counts: Partial<Record<FaultKind, number>> = {}
  for (const { kind, happened } of faults) counts[kind] = (counts[kind] ?? 0) + (happened ? 1 : 0)
  return counts
}

function asRecord(findings: Findings): Verdict['findings'] {
  const kinds = Object.keys(findingKinds) as FindingKind[]
  return Object.fromEntries(
    kinds.map((kind) => [kind, { count: findings.count(kind), first: findings.first(kind) }]),
  ) as Verdict['findings']
}
