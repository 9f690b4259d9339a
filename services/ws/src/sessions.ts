/**
 * Sessions: what outlives a connection, so that a client that comes back, to any replica, misses nothing. A session is
 * small: who it is, its rooms, and how far its client has got in the room log. The messages are in the log, once for all.
 */
import { everyoneRoom, type ServerMessageType } from '@lab/contract/messages.ts'
import type { TextFrame } from './text-frame.ts'

/** The connection a session is attached to, as far as a session cares. */
export interface SessionLink {
  sendFrame(type: ServerMessageType, frame: TextFrame): void
}

/** A session while a connection has it. */
export class Session<L extends SessionLink = SessionLink> {
  readonly id: string
  readonly connectionId: string
  readonly rooms = new Set<string>()
  link: L
  /** Place in the room log up to which the client has been sent everything. */
  seq: number
  /** Place up to which the client said that it has everything. */
  ackedSeq: number
  /** Within it, ids of the client's messages are unique: the session's id, or that of the session it stands in for. */
  idScope: string

  constructor(id: string, connectionId: string, link: L, seq: number) {
    this.id = this.idScope = id
    this.connectionId = connectionId
    this.link = link
    this.seq = this.ackedSeq = seq
  }

  /** Sends a room message, unless it has had it: a returning client may be ahead of what this replica has read. */
  deliver(seq: number, frame: TextFrame): void {
    if (seq <= this.seq) return
    this.seq = seq
    this.link.sendFrame('room_message', frame)
  }

  record(): SessionRecord {
    const rooms = [...this.rooms].filter((room) => room !== everyoneRoom)
    const { id, connectionId, ackedSeq, idScope } = this
    return { id, connectionId, rooms, ackedSeq, ...(idScope !== id && { idScope }) }
  }
}

/** What is stored of a session. */
export interface SessionRecord {
  id: string
  connectionId: string
  /** Rooms it is in, without the room of everyone. */
  rooms: string[]
  ackedSeq: number
  /** The session it stands in for, when ids of messages are unique within that one. */
  idScope?: string
}

/**
 * Where sessions are kept so that another connection, here or at another replica, may continue them. A replica owns a
 * session from its first save, or from taking it, until another takes it: what it saves later has no effect.
 */
export interface SessionStore {
  readonly name: string
  /** Whether other replicas can take sessions from it, also when this one is gone: then open sessions are saved, too. */
  readonly shared: boolean
  /** Keeps the session while its connection is open. Resolves within two seconds; to false when it is not stored yet. */
  save(record: SessionRecord): Promise<boolean>
  /** The connection was lost: the session waits for its client from now on, as long as the resume window. */
  hold(record: SessionRecord): void
  /** The session ends: its client does not come back. */
  end(id: string): void
  /** Takes a session over; undefined when there is none. Rejects when the store is away. */
  take(id: string): Promise<SessionRecord | undefined>
  /** Sets who hears that another replica took over a session that is attached here. Once. */
  onTaken(taken: (id: string) => void): void
  /** Housekeeping, several times a second. @param nowMs by a steady clock */
  tick(nowMs: number): void
  /** Sessions that wait, of those whose connection was lost here. */
  readonly held: number
  healthy(): boolean
  stop(): Promise<void>
}

/** Sessions in this process: for a replica that works alone. Those that wait are bounded in number and age. */
export class MemorySessionStore implements SessionStore {
  readonly name = 'memory'
  readonly shared = false
  /** Oldest first. */
  private readonly waiting = new Map<string, { record: SessionRecord; untilMs: number }>()
  private readonly windowMs: number
  private readonly limit: number
  private nowMs = 0

  /**
   * @param windowMs how long a session waits
   * @param limit how many wait at most; the oldest gives way
   */
  constructor(windowMs: number, limit: number) {
    this.windowMs = windowMs
    this.limit = limit
  }

  get held(): number {
    return this.waiting.size
  }

  async save(): Promise<boolean> {
    return true
  }

  hold(record: SessionRecord): void {
    if (this.windowMs === 0) return
    this.waiting.set(record.id, { record, untilMs: this.nowMs + this.windowMs })
    for (const id of this.waiting.keys()) {
      if (this.waiting.size <= this.limit) break
      this.waiting.delete(id)
    }
  }

  end(id: string): void {
    this.waiting.delete(id)
  }

  async take(id: string): Promise<SessionRecord | undefined> {
    const found = this.waiting.get(id)
    this.waiting.delete(id)
    return found?.record
  }

  onTaken(): void {}

  tick(nowMs: number): void {
    this.nowMs = nowMs
    // In order of holding, which is the order of expiry: the first that is still good ends the walk.
    for (const [id, { untilMs }] of this.waiting) {
      if (untilMs > nowMs) break
      this.waiting.delete(id)
    }
  }

  healthy(): boolean {
    return true
  }

  async stop(): Promise<void> {}
}
