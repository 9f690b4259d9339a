/**
 * Sessions: what outlives a connection, so that a client that comes back misses nothing. Messages that belong to a
 * session are numbered and kept until they are acknowledged, fall out of the bounded buffer, or the session ends.
 */

import type { ServerMessageType } from '@lab/contract/messages.ts'

export interface BufferBounds {
  messages: number
  bytes: number
}

/** Types of messages that belong to a session. */
export type SequencedType = Extract<ServerMessageType, 'message_response' | 'room_message'>

/** A message of a session: its JSON without number and closing brace (shared by all who get it, when they are many), and its number. */
export interface Numbered {
  type: SequencedType
  head: string | Buffer
  seq: number
}

/** The end of a numbered message. */
export function tailOf(seq: number): string {
  return `,"seq":${seq}}`
}

/** The connection a session is attached to, as far as a session cares. */
export interface SessionLink {
  send(type: ServerMessageType, head: string | Buffer, tail: string): void
}

export class Session<L extends SessionLink = SessionLink> {
  readonly id: string
  readonly connectionId: string
  readonly rooms = new Set<string>()
  /** The open connection, or null while the client is away. */
  link: L | null = null
  /** Number of the last message. */
  seq = 0
  /** The last messages, oldest first, from index `first` on; made when first needed, for an idle session costs nothing. */
  private kept: Numbered[] | null = null
  private first = 0
  private bytes = 0
  private readonly bounds: BufferBounds

  constructor(id: string, connectionId: string, bounds: BufferBounds) {
    this.id = id
    this.connectionId = connectionId
    this.bounds = bounds
  }

  /**
   * Numbers a message, keeps it, and sends it if the client is there.
   * @param head the message's JSON without its closing brace; the number and the brace are added
   */
  push(type: SequencedType, head: string | Buffer): void {
    const seq = ++this.seq
    if (this.bounds.messages > 0) this.keep({ type, head, seq })
    this.link?.send(type, head, tailOf(seq))
  }

  /** Forgets everything up to `seq`: the client has it. */
  acknowledge(seq: number): void {
    while (this.oldest !== undefined && this.oldest.seq <= seq) this.drop()
  }

  /**
   * What a client missed.
   * @param lastSeq the last message it has
   * @returns the messages after it that are still kept, and the numbers of those that are not, if any
   */
  missedSince(lastSeq: number): { messages: Numbered[]; gap: { from: number; to: number } | null } {
    const firstKept = this.oldest?.seq ?? this.seq + 1
    const from = lastSeq + 1
    const gap = from < firstKept ? { from, to: firstKept - 1 } : null
    return { messages: this.kept?.slice(this.first + Math.max(0, from - firstKept)) ?? [], gap }
  }

  private get oldest(): Numbered | undefined {
    return this.kept?.[this.first]
  }

  private keep(message: Numbered): void {
    this.kept ??= []
    this.kept.push(message)
    this.bytes += message.head.length
    while (this.kept.length - this.first > this.bounds.messages || this.bytes > this.bounds.bytes) this.drop()
    // Dropping only moves the start; now and then the room in front of it is given back.
    if (this.first > this.bounds.messages) {
      this.kept = this.kept.slice(this.first)
      this.first = 0
    }
  }

  private drop(): void {
    if (this.kept === null) return
    this.bytes -= this.oldest?.head.length ?? 0
    this.kept[this.first++] = gone
  }
}

/** In the place of a message that is not kept any more, so that its text can go. */
const gone: Numbered = { type: 'message_response', head: '', seq: 0 }

/**
 * Where sessions of lost connections wait. The embedded default keeps them in this process; a store that replicas
 * share can take its place.
 */
export interface SessionStore<S extends Session> {
  /** Keeps a session whose connection was lost. Returns the sessions that had to give way, or whose time was up. */
  hold(session: S, nowMs: number): S[]
  /** Takes a held session out again; undefined when it is not here. */
  take(id: string, nowMs: number): S | undefined
  /** Ends sessions whose time is up and returns them. */
  expire(nowMs: number): S[]
  readonly size: number
}

/** Sessions in memory, oldest first, bounded in number and age. */
export class MemorySessionStore<S extends Session> implements SessionStore<S> {
  private readonly held = new Map<string, { session: S; untilMs: number }>()
  private readonly windowMs: number
  private readonly limit: number

  constructor(windowMs: number, limit: number) {
    this.windowMs = windowMs
    this.limit = limit
  }

  get size(): number {
    return this.held.size
  }

  hold(session: S, nowMs: number): S[] {
    if (this.windowMs === 0 || this.limit === 0) return [session]
    this.held.set(session.id, { session, untilMs: nowMs + this.windowMs })
    const gone = this.expire(nowMs)
    for (const [id, { session: oldest }] of this.held) {
      if (this.held.size <= this.limit) break
      this.held.delete(id)
      gone.push(oldest)
    }
    return gone
  }

  take(id: string, nowMs: number): S | undefined {
    const found = this.held.get(id)
    if (found === undefined || found.untilMs <= nowMs) return undefined
    this.held.delete(id)
    return found.session
  }

  expire(nowMs: number): S[] {
    const gone: S[] = []
    // In order of holding, which is the order of expiry: the first that is still good ends the walk.
    for (const [id, { session, untilMs }] of this.held) {
      if (untilMs > nowMs) break
      this.held.delete(id)
      gone.push(session)
    }
    return gone
  }
}
