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

/** A message as it goes over the wire. */
export interface Frame {
  type: SequencedType
  text: string
}

/** The connection a session is attached to, as far as a session cares. */
export interface SessionLink {
  send(type: ServerMessageType, text: string): void
}

export class Session<L extends SessionLink = SessionLink> {
  readonly id: string
  readonly connectionId: string
  readonly rooms = new Set<string>()
  /** The open connection, or null while the client is away. */
  link: L | null = null
  /** Number of the last message. */
  seq = 0
  /** Frames `seq - frames.length + 1` to `seq`, oldest first; made when first needed, for an idle session costs nothing. */
  private frames: Frame[] | null = null
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
  push(type: SequencedType, head: string): void {
    const text = `${head},"seq":${++this.seq}}`
    if (this.bounds.messages > 0) this.keep({ type, text })
    this.link?.send(type, text)
  }

  /** Forgets everything up to `seq`: the client has it. */
  acknowledge(seq: number): void {
    if (this.frames === null) return
    const acked = Math.min(seq, this.seq) - (this.seq - this.frames.length)
    for (let i = 0; i < acked; i++) this.drop()
  }

  /**
   * What a client missed.
   * @param lastSeq the last message it has
   * @returns the frames after it that are still kept, and the numbers of those that are not, if any
   */
  missedSince(lastSeq: number): { frames: Frame[]; gap: { from: number; to: number } | null } {
    const kept = this.frames ?? []
    const firstKept = this.seq - kept.length + 1
    const from = lastSeq + 1
    const gap = from < firstKept ? { from, to: firstKept - 1 } : null
    return { frames: kept.slice(Math.max(0, from - firstKept)), gap }
  }

  private keep(frame: Frame): void {
    this.frames ??= []
    this.frames.push(frame)
    this.bytes += frame.text.length
    while (this.frames.length > this.bounds.messages || this.bytes > this.bounds.bytes) this.drop()
  }

  private drop(): void {
    const gone = this.frames?.shift()
    this.bytes -= gone?.text.length ?? 0
  }
}

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
