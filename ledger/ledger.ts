/**
 * The clients' ledger: every message sent, its response, and the deliveries to each member of each room, in order of arrival. The ledger
 * stores deliveries in a compact form, because a run has millions of them. Pure.
 */

/** The content of a test message, which identifies the message. */
export interface Payload {
  /** Name of the run. */
  run: string
  /** Message number, unique within the run. */
  n: number
  /** Number of the member that sent the message. */
  s: number
  /** Time at which the message was sent, in milliseconds on a monotonic clock. */
  t: number
  /** Name of the replica that the sender is connected to. */
  r: string
}

/** Response to a message. A `provisional` response is followed by a final one; `none` means that no response has arrived yet. */
export type Answer = 'none' | 'stored' | 'provisional' | 'refused'

/** A message, as recorded by its sender. */
export interface Sent {
  /** Number of the message, unique within the run and ascending. */
  n: number
  /** Number of the member that sent the message. */
  sender: number
  room: string
  answer: Answer
  /** The message's sequence number, once the message has been stored. */
  seq: number | undefined
}

/** A room member, and the messages that this member has received. */
export interface Membership {
  member: number
  room: string
  /**
   * The room log's sequence number when the member joined. Every message that is stored in the room after this sequence number must reach
   * the member.
   */
  joinedSeq: number
  /** Message numbers in order of delivery; negative for provisional deliveries. */
  received: number[]
}

/** A message in the room log. */
export interface LogEntry {
  seq: number
  n: number
  sender: number
  room: string
}

/** A gap: messages that the service reported to a client as possibly missed. */
export interface Gap {
  member: number
  room: string | undefined
  detail: string
}

/** A connection that was lost, or that the client replaced with a new one. */
export interface Drop {
  member: number
  /** The connection's replica; undefined if the connection ended before its first message. */
  replica: string | undefined
  code: number
  /** Milliseconds since 1970. */
  atMs: number
  /** Time at which the member was connected to a replica again; undefined if it never reconnected. */
  backAtMs: number | undefined
  /** The replica's reason for asking the client to reconnect; undefined if it had not asked. */
  goodbye: string | undefined
}

/** Everything that the clients recorded during a run. */
export class ClientLedger {
  /** All messages, ordered by message number, which starts at 1. */
  readonly sent: Sent[] = []
  readonly gaps: Gap[] = []
  readonly drops: Drop[] = []
  /** Number of messages without a final response. */
  open = 0
  private readonly members = new Map<string, Membership>()

  /** Records a message before it is sent. @returns its number */
  send(sender: number, room: string): number {
    const n = this.sent.length + 1
    this.sent.push({ n, sender, room, answer: 'none', seq: undefined })
    this.open++
    return n
  }

  /** Records a response. Once a message has been confirmed as `stored`, later responses to it are ignored. */
  answer(n: number, answer: Exclude<Answer, 'none'>, seq?: number): void {
    const sent = this.sent[n - 1]
    if (sent === undefined) throw new Error(`message ${n} was answered, but never sent`)
    if (sent.answer === 'stored') return
    if (answer !== 'provisional' && sent.answer !== 'refused') this.open--
    sent.answer = answer
    sent.seq = seq
  }

  /** Records that a member joined a room at a sequence number. Joining a room that the member has already joined has no effect. */
  join(member: number, room: string, joinedSeq: number): void {
    const key = `${member} ${room}`
    if (!this.members.has(key)) this.members.set(key, { member, room, joinedSeq, received: [] })
  }

  /** Records a delivery. */
  deliver(member: number, room: string, n: number, provisional: boolean): void {
    const membership = this.members.get(`${member} ${room}`)
    if (membership === undefined) throw new Error(`message ${n} of ${room} was delivered to member ${member}, which never joined the room`)
    membership.received.push(provisional ? -n : n)
  }

  get memberships(): Iterable<Membership> {
    return this.members.values()
  }
}
