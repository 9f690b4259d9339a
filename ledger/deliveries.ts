/**
 * Compares the clients' ledger with the room log: each stored message must reach each member of its room once and in order. A message that
 * is delivered provisionally, that is, while the store is unreachable, does not have a sequence number yet. A provisional delivery counts
 * as a delivery, and must also preserve the order of the sender's messages. Pure.
 */
import type { Findings } from './findings.ts'
import type { ClientLedger, LogEntry, Membership, Sent } from './ledger.ts'

export interface DeliveryCounts {
  sent: number
  /** Number of messages that were confirmed as stored. */
  accepted: number
  refused: number
  /** Number of messages in the room log. */
  stored: number
  /** Number of expected deliveries: for each stored message, one to each client that was a member of its room when it was stored. */
  expected: number
  /** How many of the expected deliveries actually took place. */
  delivered: number
  /** Number of provisional deliveries, that is, deliveries that took place while the store was unreachable. */
  provisional: number
}

/**
 * @param log the run's room log, in order; if it is missing, the confirmations that senders received are used instead
 * @param findings receives every violation
 */
export function compareLedgers(ledger: ClientLedger, log: readonly LogEntry[] | undefined, findings: Findings): DeliveryCounts {
  const entries = log ?? logOfAnswers(ledger)
  const places = checkLog(ledger, entries, findings)
  if (log !== undefined) checkAnswers(ledger, places, findings)
  const byRoom = new Map<string, LogEntry[]>()
  for (const entry of places.values()) {
    const inRoom = byRoom.get(entry.room)
    if (inRoom === undefined) byRoom.set(entry.room, [entry])
    else inRoom.push(entry)
  }
  const counts: DeliveryCounts = {
    sent: ledger.sent.length,
    accepted: 0,
    refused: 0,
    stored: places.size,
    expected: 0,
    delivered: 0,
    provisional: 0,
  }
  for (const sent of ledger.sent) {
    if (sent.answer === 'stored') counts.accepted++
    else if (sent.answer === 'refused') counts.refused++
    else findings.add('unanswered', () => `${nameOf(sent)} has ${sent.answer === 'none' ? 'no answer' : 'a provisional answer only'}`)
  }
  for (const membership of ledger.memberships) {
    const seen = checkReceived(ledger, membership, places, findings)
    counts.provisional += membership.received.reduce((sum, n) => sum + (n < 0 ? 1 : 0), 0)
    for (const entry of byRoom.get(membership.room) ?? []) {
      if (entry.seq <= membership.joinedSeq) continue
      counts.expected++
      if (seen.has(entry.n)) counts.delivered++
      else findings.add('lost', () => `${nameOf(entry)} never reached member ${membership.member}`)
    }
  }
  return counts
}

function nameOf({ n, sender, room, seq }: Pick<Sent, 'n' | 'sender' | 'room'> & { seq?: number | undefined }): string {
  return `message ${n} of member ${sender} to ${room}${seq === undefined ? '' : ` (seq ${seq})`}`
}

function logOfAnswers(ledger: ClientLedger): LogEntry[] {
  return ledger.sent
    .flatMap(({ n, sender, room, seq }) => (seq === undefined ? [] : [{ n, sender, room, seq }]))
    .sort((a, b) => a.seq - b.seq)
}

/**
 * Checks that no message is in the room log twice, and that each sender's messages are in the order in which they were sent. Returns the
 * room log entries by message number.
 */
function checkLog(ledger: ClientLedger, log: readonly LogEntry[], findings: Findings): Map<number, LogEntry> {
  const places = new Map<number, LogEntry>()
  const lastBySender = new Map<string, number>()
  for (const entry of log) {
    const { n, sender, room, seq } = entry
    const before = places.get(n)
    const sent = ledger.sent[n - 1]
    if (sent === undefined || sent.sender !== sender || sent.room !== room) {
      findings.add('unstored', () => `${nameOf(entry)} is in the room log, but was not sent with this room and sender`)
      continue
    }
    if (before !== undefined) {
      findings.add('doubled', () => `${nameOf(before)} is in the room log a second time (seq ${seq})`)
      continue
    }
    places.set(n, entry)
    const key = `${sender} ${room}`
    const last = lastBySender.get(key) ?? 0
    if (n < last) findings.add('reordered', () => `${nameOf(entry)} is in the room log after message ${last} of the same member`)
    lastBySender.set(key, Math.max(last, n))
  }
  return places
}

/** Checks that each message confirmed as stored is in the room log at the confirmed sequence number. */
function checkAnswers(ledger: ClientLedger, places: ReadonlyMap<number, LogEntry>, findings: Findings): void {
  for (const sent of ledger.sent) {
    if (sent.answer !== 'stored') continue
    const entry = places.get(sent.n)
    if (entry === undefined) findings.add('unstored', () => `${nameOf(sent)} was confirmed as stored, but is not in the room log`)
    else if (entry.seq !== sent.seq)
      findings.add('unstored', () => `${nameOf(sent)} is in the room log at ${entry.seq}, which is not the confirmed place`)
  }
}

/**
 * Checks that a member received no message twice, and that the messages arrived in room log order and in the order in which each sender
 * sent them. Returns the numbers of the messages that the member received.
 */
function checkReceived(
  ledger: ClientLedger,
  { member, received }: Membership,
  places: ReadonlyMap<number, LogEntry>,
  findings: Findings,
): Set<number> {
  const seen = new Set<number>()
  const lastBySender = new Map<number, number>()
  let latest: LogEntry | undefined
  for (const signed of received) {
    const n = Math.abs(signed)
    const entry = places.get(n)
    const sent = ledger.sent[n - 1]
    const name = () => (sent === undefined ? `message ${n}, which was never sent,` : nameOf({ ...sent, seq: entry?.seq }))
    if (seen.has(n)) {
      findings.add('doubled', () => `${name()} was delivered to member ${member} twice`)
      continue
    }
    seen.add(n)
    if (entry === undefined || sent === undefined) {
      findings.add('unstored', () => `${name()} was delivered to member ${member}, but is not in the room log`)
      continue
    }
    const lastOfSender = lastBySender.get(sent.sender) ?? 0
    const behind = signed > 0 && latest !== undefined && entry.seq < latest.seq ? latest.n : n < lastOfSender ? lastOfSender : undefined
    if (behind !== undefined) findings.add('reordered', () => `${name()} was delivered to member ${member} after message ${behind}`)
    lastBySender.set(sent.sender, Math.max(lastOfSender, n))
    if (signed > 0 && (latest === undefined || entry.seq > latest.seq)) latest = entry
  }
  return seen
}
