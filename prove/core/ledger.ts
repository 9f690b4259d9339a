/**
 * The clients' ledger: what was sent, how it was answered, and what each member of each room was given, in the order in
 * which it came. Kept small, for millions of deliveries. Pure.
 */

/** What the run's messages carry, by which they are known again. */
export interface Payload {
  /** The run. */
  run: string
  /** Number of the message. */
  n: number
  /** Number of the sender. */
  s: number
  /** Steady time of sending, milliseconds. */
  t: number
  /** Replica that the sender was at. */
  r: string
}

/** How a message was answered. `provisional` waits for another answer, `none` for any. */
export type Answer = 'none' | 'stored' | 'provisional' | 'refused'

/** A message as its sender knows it. */
export interface Sent {
  /** Number of the message, unique in the run and growing from message to message. */
  n: number
  /** Number of the member that sent it. */
  sender: number
  room: string
  answer: Answer
  /** Place in the room log, once it is stored. */
  seq: number | undefined
}

/** A member of a room, and what it was given. */
export interface Membership {
  member: number
  room: string
  /** Place in the room log when it joined: what comes later is for it. */
  joinedSeq: number
  /** Numbers of messages in the order of delivery; negative ones were provisional. */
  received: number[]
}

/** A message in the server's ledger, the room log. */
export interface LogEntry {
  seq: number
  n: number
  sender: number
  room: string
}

/** Messages that a client said it may have missed. */
export interface Gap {
  member: number
  room: string | undefined
  detail: string
}

/** A connection that was lost or left. */
export interface Drop {
  member: number
  /** The replica it was to; undefined when it ended before its greeting. */
  replica: string | undefined
  code: number
  /** Wall-clock time, milliseconds since 1970. */
  atMs: number
  /** When the member was back, at this replica or another; undefined when it was not. */
  backAtMs: number | undefined
  /** Why the replica had asked it to go, if it had. */
  told: string | undefined
}

/** Everything the clients wrote down. */
export class ClientLedger {
  /** By number, from 1; index 0 is empty. */
  readonly sent: Sent[] = []
  readonly gaps: Gap[] = []
  readonly drops: Drop[] = []
  /** Messages without a final answer. */
  open = 0
  private readonly members = new Map<string, Membership>()

  /** Takes note that a message is about to be sent. @returns its number */
  send(sender: number, room: string): number {
    const n = this.sent.length + 1
    this.sent.push({ n, sender, room, answer: 'none', seq: undefined })
    this.open++
    return n
  }

  /** Takes note of an answer; what is stored stays stored. */
  answer(n: number, answer: Exclude<Answer, 'none'>, seq?: number): void {
    const sent = this.sent[n - 1]
    if (sent === undefined) throw new Error(`an answer to message ${n}, which was never sent`)
    if (sent.answer === 'stored') return
    if (answer !== 'provisional' && sent.answer !== 'refused') this.open--
    sent.answer = answer
    sent.seq = seq
  }

  /** Takes note that a member is in a room from a place on; joining again changes nothing. */
  join(member: number, room: string, joinedSeq: number): void {
    const key = `${member} ${room}`
    if (!this.members.has(key)) this.members.set(key, { member, room, joinedSeq, received: [] })
  }

  /** Takes note of a delivery. */
  deliver(member: number, room: string, n: number, provisional: boolean): void {
    const membership = this.members.get(`${member} ${room}`)
    if (membership === undefined) throw new Error(`member ${member} was given message ${n} of ${room} and never joined it`)
    membership.received.push(provisional ? -n : n)
  }

  get memberships(): Iterable<Membership> {
    return this.members.values()
  }
}
