/**
 * Checks the delivery guarantees against the observed events: frames that reach clients, events that clients report to their users, and
 * entries that are added to the store. The check does not depend on how the client and the service are implemented. Pure.
 */
import type { ClientEvent } from '@lab/client/types.ts'
import type { Message } from './wire.ts'

/** A room message in the store's log. */
export interface Entry {
  seq: number
  room: string
  /** Request id, which is unique across all clients. */
  id: string
  sender: string
  /** The message's consecutive number, counted separately for each sender. */
  number: number
  storedAtMs: number
  /** Whether the store has lost the message, because its data was reset to an earlier state or deleted. */
  lost: boolean
  /** Whether the sender has received the acknowledgement that the message has been stored. */
  acked: boolean
}

export type Kind =
  | 'missing'
  | 'stored twice'
  | 'delivered twice'
  | 'wrong order'
  | 'position went back'
  | 'never stored'
  | 'false gap'
  | 'unanswered'

export interface Violation {
  kind: Kind
  atMs: number
  text: string
}

/**
 * A range of sequence numbers in which messages may be missing; the client has been informed of this range.
 * @param room the room of the missing messages; undefined if it may be any room
 */
interface Gap {
  room: string | undefined
  from: number
  to: number
}

/** The state of one client's membership in a room. */
interface Membership {
  /** The time at which the client informed its user that it had joined the room. */
  joinedAtMs: number
  /**
   * The time at which the client first received a sequence number. Messages that the store saved before the client's first sequence number,
   * and later lost, need not reach the client.
   */
  placedAtMs: number
  /** Messages that the client has received. */
  wire: Set<Entry>
  /** Messages that the client has delivered to the application. */
  handed: Map<string, Entry | undefined>
  /** The highest sequence number that has reached the client since the last gap. */
  highest: number
  /** For each sender, the number of the last message that the client has delivered to the application since the last gap. */
  last: Map<string, number>
}

interface Member {
  memberships: Map<string, Membership>
  wireGaps: Gap[]
  handedGaps: Gap[]
}

const never = Number.POSITIVE_INFINITY

export class History {
  readonly entries: Entry[] = []
  readonly violations: Violation[] = []
  /** Number of times that the store has lost data. */
  losses = 0
  private readonly byId = new Map<string, Entry[]>()
  private readonly members = new Map<string, Member>()
  private readonly nowMs: () => number
  private readonly onViolation: (violation: Violation) => void

  constructor(nowMs: () => number, onViolation: (violation: Violation) => void = () => {}) {
    this.nowMs = nowMs
    this.onViolation = onViolation
  }

  /** Records that the store has a new entry. @param head the message's JSON text without the closing brace */
  stored(seq: number, room: string, head: string): void {
    const { id, data } = JSON.parse(`${head}}`) as { id: string; data: { by: string; n: number } }
    const same = this.entriesOf(id)
    const twin = same.find(({ lost }) => !lost)
    if (twin !== undefined) this.violated('stored twice', `${id} of ${data.by} is in the log at ${twin.seq} and at ${seq}`)
    const entry = { seq, room, id, sender: data.by, number: data.n, storedAtMs: this.nowMs(), lost: false, acked: false }
    this.entries.push(entry)
    same.push(entry)
  }

  /**
   * Records that the store was reset to an earlier state.
   * @param atMs the time to which the store was reset, or 0 if the store lost all data
   */
  wentBackTo(atMs: number): void {
    this.losses++
    for (const entry of this.entries) if (entry.storedAtMs > atMs) entry.lost = true
  }

  wasStored(id: string): boolean {
    return this.entriesOf(id).some(({ lost }) => !lost)
  }

  /** Returns the highest sequence number that was sent to a client. */
  highestOf(client: string): number {
    return Math.max(0, ...[...this.member(client).memberships.values()].map(({ highest }) => highest))
  }

  /** Records that a frame has reached a client. */
  delivered(client: string, message: Message): void {
    if (message.type === 'room_message' && message.seq !== undefined) this.roomMessage(client, message)
    else if (message.type === 'room_joined' && Number(message.seq) > 0) this.placed(client, String(message.room))
    else if (message.type === 'resume_gap') this.gap(client, message as unknown as Gap)
    else if (message.type === 'message_response' && message.stored === true) this.answered(client, message)
  }

  /** Records an event that a client has reported to its user. */
  reported(client: string, event: ClientEvent): void {
    const member = this.member(client)
    if (event.type === 'answered' && event.request === 'join' && event.room !== undefined) {
      const { joinedAtMs, ...rest } = this.membership(member, event.room)
      member.memberships.set(event.room, { ...rest, joinedAtMs: Math.min(joinedAtMs, this.nowMs()) })
    } else if (event.type === 'gap') {
      member.handedGaps.push(event)
      for (const membership of member.memberships.values()) membership.last.clear()
    } else if (event.type === 'message') this.handed(client, event.message)
    else if (event.type === 'refused') this.violated('unanswered', `${event.id} of ${client} was refused: ${event.code}`)
  }

  /**
   * Compares the store's log with each client's messages, after all traffic has ended.
   * @param withLost whether to include messages that the store lost after their senders had received an acknowledgement
   * @returns descriptions of the missing deliveries
   */
  missing(withLost: boolean): string[] {
    const missing: string[] = []
    for (const [client, member] of this.members) {
      for (const entry of this.entries) {
        const membership = member.memberships.get(entry.room)
        if (membership === undefined || entry.storedAtMs <= membership.joinedAtMs) continue
        if (entry.lost && !(withLost && entry.acked && entry.storedAtMs > membership.placedAtMs)) continue
        const what = `${nameOf(entry)}${entry.lost ? ' (acknowledged, then lost by the store)' : ''}`
        if (!membership.wire.has(entry) && !covered(member.wireGaps, entry))
          missing.push(`${client} was never sent ${what}, and no gap was reported`)
        else if (!membership.handed.has(entry.id) && !covered(member.handedGaps, entry)) missing.push(`${client} did not pass on ${what}`)
      }
    }
    return missing
  }

  violated(kind: Kind, text: string): void {
    const violation = { kind, atMs: this.nowMs(), text }
    this.violations.push(violation)
    this.onViolation(violation)
  }

  private placed(client: string, room: string): void {
    const membership = this.membership(this.member(client), room)
    membership.placedAtMs = Math.min(membership.placedAtMs, this.nowMs())
  }

  private roomMessage(client: string, { room, seq, id }: Message): void {
    const entry = this.entriesOf(String(id)).find((one) => one.seq === seq && one.room === room)
    if (entry === undefined) {
      this.violated('never stored', `${client} was sent ${id} at ${seq}, which the log never had there`)
      return
    }
    const membership = this.membership(this.member(client), entry.room)
    // A client may receive a message again after it has reconnected.
    // A new message must have a higher sequence number than all earlier ones, unless a gap was reported.
    if (!membership.wire.has(entry) && entry.seq <= membership.highest && membership.joinedAtMs < this.nowMs()) {
      this.violated(
        'position went back',
        `${client} was sent ${nameOf(entry)} after position ${membership.highest}, without a gap in between`,
      )
    }
    membership.wire.add(entry)
    // Until the user has been informed that the client has joined the room, the room's messages may be sent again from the beginning.
    if (membership.joinedAtMs !== never) membership.highest = Math.max(membership.highest, entry.seq)
    this.placed(client, entry.room)
  }

  private gap(client: string, { room, from, to }: Gap): void {
    const member = this.member(client)
    const lacking = this.entries.some((entry) => {
      const membership = member.memberships.get(entry.room)
      if (membership === undefined || entry.storedAtMs <= membership.joinedAtMs) return false
      return covered([{ room, from, to }], entry) && !membership.wire.has(entry)
    })
    if (!lacking && this.losses === 0)
      this.violated('false gap', `${client} reported a gap from ${from} to ${to}, where no message is missing`)
    member.wireGaps.push({ room, from, to })
    for (const [name, membership] of member.memberships) if (room === undefined || room === name) membership.highest = 0
  }

  private answered(client: string, { id, seq }: Message): void {
    const entry = this.entriesOf(String(id)).find((one) => one.seq === seq)
    if (entry === undefined)
      this.violated('never stored', `${client} got the answer that ${id} is stored at ${seq}, where the log never had it`)
    else entry.acked = true
  }

  private handed(client: string, { room, id, seq, data, earlier }: Extract<ClientEvent, { type: 'message' }>['message']): void {
    const member = this.member(client)
    const membership = this.membership(member, room)
    const name = String(id)
    const entry = this.entriesOf(name).find((one) => one.seq === seq)
    const { by, n } = data as { by: string; n: number }
    const before = membership.handed.get(name)
    // If the store has lost a message, it may be stored again as a new message, provided that the client has reported a gap.
    const again = before?.lost === true && covered(member.handedGaps, before)
    if (membership.handed.has(name) && !again) this.violated('delivered twice', `${client} passed on ${name} of ${by} (${n}) twice`)
    membership.handed.set(name, entry)
    // A provisional message is passed on before it is stored, so it has no sequence number yet.
    if (seq === undefined) return
    // A message that was lost and then stored again may arrive in any order, if the client has reported a gap that covers it.
    if (this.entriesOf(name).some((one) => one.lost && covered(member.handedGaps, one))) return
    const last = membership.last.get(by) ?? 0
    if (n <= last && earlier !== 'history') this.violated('wrong order', `${client} passed on message ${n} of ${by} after its ${last}`)
    membership.last.set(by, n)
  }

  private entriesOf(id: string): Entry[] {
    let entries = this.byId.get(id)
    if (entries === undefined) {
      entries = []
      this.byId.set(id, entries)
    }
    return entries
  }

  private member(client: string): Member {
    let member = this.members.get(client)
    if (member === undefined) {
      member = { memberships: new Map(), wireGaps: [], handedGaps: [] }
      this.members.set(client, member)
    }
    return member
  }

  private membership(member: Member, room: string): Membership {
    let membership = member.memberships.get(room)
    if (membership === undefined) {
      membership = { joinedAtMs: never, placedAtMs: never, wire: new Set(), handed: new Map(), highest: 0, last: new Map() }
      member.memberships.set(room, membership)
    }
    return membership
  }
}

function covered(gaps: readonly Gap[], { room, seq }: Entry): boolean {
  return gaps.some((gap) => (gap.room === undefined || gap.room === room) && gap.from <= seq && seq <= gap.to)
}

function nameOf({ sender, number, room, seq }: Entry): string {
  return `message ${number} of ${sender} in ${room} at ${seq}`
}
