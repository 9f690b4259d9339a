/** Judges a run by the client ledger, the room log, the connections and the faults. Pure. */
import { causeOfCode } from '../contract/src/close-codes.ts'
import { compareLedgers, type DeliveryCounts } from './deliveries.ts'
import { explain, type FaultRecord } from './drops.ts'
import { type FindingKind, Findings, findingKinds } from './findings.ts'
import type { ClientLedger, LogEntry } from './ledger.ts'
import type { WireBreach } from './wire.ts'

/** All the records of a run from which the verdict is computed. */
export interface History {
  ledger: ClientLedger
  /** The run's room log, in order; undefined if the log could not be read. */
  log: readonly LogEntry[] | undefined
  faults: readonly FaultRecord[]
  /** Kinds of faults that must have taken place during the run. */
  required: readonly string[]
  /** Protocol violations by replicas, each with the affected connection. */
  wire: readonly { connection: string; breach: WireBreach }[]
}

export interface Verdict {
  pass: boolean
  counts: DeliveryCounts
  /** Number of violations of each kind, including kinds without a violation. */
  findings: Record<FindingKind, { count: number; first: readonly string[] }>
  drops: { total: number; explained: Record<string, number>; unexplained: Record<string, number> }
  /** Number of faults that took place, by kind. */
  faults: Record<string, number>
}

/**
 * Returns the verdict. A run passes if it has no violations, at least one stored message and at least one delivery. A required fault that
 * did not take place counts as a violation.
 */
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
      const goodbye = drop.goodbye === undefined ? '' : `, after a goodbye (${drop.goodbye})`
      return `member ${drop.member} lost ${drop.replica ?? 'a replica before its greeting'} with ${drop.code} (${cause}) at ${new Date(drop.atMs).toISOString()}${goodbye}`
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
    if (!happened[kind]) findings.add('silent', () => `${kind}: ${faults.find((fault) => fault.kind === kind)?.detail ?? 'never injected'}`)
  }
  return {
    pass: findings.total === 0 && counts.accepted > 0 && counts.delivered > 0,
    counts,
    findings: asRecord(findings),
    drops,
    faults: happened,
  }
}

function countFaults(faults: readonly FaultRecord[]): Record<string, number> {
  const counts: Record<string, number> = {}
  for (const { kind, happened } of faults) counts[kind] = (counts[kind] ?? 0) + (happened ? 1 : 0)
  return counts
}

function asRecord(findings: Findings): Verdict['findings'] {
  const kinds = Object.keys(findingKinds) as FindingKind[]
  return Object.fromEntries(
    kinds.map((kind) => [kind, { count: findings.count(kind), first: findings.first(kind) }]),
  ) as Verdict['findings']
}
