/**
 * Sessions outlive connections, so a client that reconnects to any replica misses no messages. A session needs little memory: it consists
 * of its ids, its rooms, and the sequence numbers that its client has received. The messages themselves are stored once for all sessions,
 * in the room log.
 */
import { everyoneRoom, type ServerMessageType } from '@lab/contract/messages.ts'
import type { TokenClaim } from './resume-token.ts'
import type { TextFrame } from './text-frame.ts'

/** The connection methods that a session uses. */
export interface SessionConnection {
  sendFrame(type: ServerMessageType, frame: TextFrame): void
}

/** A session that is attached to a connection. */
export class Session<C extends SessionConnection = SessionConnection> {
  readonly id: string
  readonly connectionId: string
  readonly rooms = new Set<string>()
  connection: C
  /**
   * The sequence number up to which all messages have been sent to the client; 0 if the session began before this replica had read the log.
   */
  seq: number
  /**
   * The client's claims for individual rooms: the sequence number, above `seq`, up to which the client says it has received all messages in
   * the room.
   */
  readonly ahead = new Map<string, number>()
  /** The latest sequence number that the client has acknowledged. */
  ackedSeq: number
  /** The scope within which the client's message ids are unique: the id of this session, or of the session that it replaced. */
  idScope: string

  /** The number of the oldest resume token that is still accepted. */
  oldestToken = 0
  /** The number of the latest resume token, and the time at which it was sent. */
  private latestToken = 0
  private handedOutAtMs = 0

  constructor(id: string, connectionId: string, connection: C, seq: number) {
    this.id = this.idScope = id
    this.connectionId = connectionId
    this.connection = connection
    this.seq = this.ackedSeq = seq
  }

  /**
   * Sends a room message to the client, unless the client has already received it. A client that resumes its session may already have
   * received messages that this replica has not read yet.
   */
  deliver(room: string, { seq, frame }: { seq: number; frame: TextFrame }): void {
    if (seq <= this.seq || seq <= (this.ahead.get(room) ?? 0)) return
    this.seq = seq
    this.connection.sendFrame('room_message', frame)
  }

  /**
   * Records that this replica has read and delivered the room log up to the given sequence number.
   * @returns the sequence number up to which all messages have been sent to the client
   */
  sentUpTo(position: number): number {
    this.seq = Math.max(this.seq, position)
    return this.seq
  }

  get tokenNumber(): number {
    return this.latestToken
  }

  /** Records that the resume token with the given number is being sent to the client. @param nowMs the time on a monotonic clock */
  handsOut(number: number, nowMs: number): void {
    this.latestToken = number
    this.handedOutAtMs = nowMs
  }

  /**
   * Records that everything sent to the client before the given time has arrived.
   * @returns whether the session's older tokens are refused from now on
   */
  tokenArrived(sentAtMs: number): boolean {
    if (this.oldestToken >= this.latestToken || sentAtMs < this.handedOutAtMs) return false
    this.oldestToken = this.latestToken
    return true
  }

  record(): SessionRecord {
    const rooms = [...this.rooms].filter((room) => room !== everyoneRoom)
    const { id, connectionId, ackedSeq, idScope, oldestToken } = this
    return { id, connectionId, rooms, ackedSeq, ...(idScope !== id && { idScope }), ...(oldestToken > 0 && { oldestToken }) }
  }
}

/** Returns the contents of a resume token for the session. */
export function claimOf({ id, idScope, tokenNumber }: Session): TokenClaim {
  return { sessionId: id, idScope, number: tokenNumber }
}

/** A session's stored data. */
export interface SessionRecord {
  id: string
  connectionId: string
  /** The session's rooms, without the room that every session joins. */
  rooms: string[]
  ackedSeq: number
  /** The scope of the client's message ids; absent if the scope is this session's own id. */
  idScope?: string
  /** The number of the oldest resume token that is still accepted; 0 if absent. */
  oldestToken?: number
}

/**
 * Stores sessions, so that another connection, on this or another replica, can continue them. A replica owns a session from the moment it
 * saves or takes over the session until another replica takes it over. Once another replica has taken over a session, saves by the
 * session's former owner have no effect.
 */
export interface SessionStore {
  readonly name: string
  /**
   * Whether other replicas can take over the stored sessions, even after this replica has failed. Sessions of open connections are also
   * saved, so that they can be resumed after the replica has failed.
   */
  readonly shared: boolean
  /**
   * Saves the session of an open connection. Resolves within two seconds; the result is false if the session has not been stored by then.
   */
  save(record: SessionRecord): Promise<boolean>
  /** Stores a session whose connection was lost. The session waits for its client until the resume window ends. */
  hold(record: SessionRecord): void
  /** Deletes a session whose client will not return. */
  end(id: string): void
  /**
   * Takes a session over. Resolves with undefined if no session exists for the given id and token number. The promise rejects if the store
   * is unavailable.
   */
  take(id: string, token: number): Promise<SessionRecord | undefined>
  /** Sets the function that is called when another replica has taken over a session from this replica. Call it once. */
  onTaken(taken: (id: string) => void): void
  /** Removes expired sessions. Call this method several times per second. @param nowMs the time on a monotonic clock */
  tick(nowMs: number): void
  /** Number of waiting sessions whose connection was lost on this replica. */
  readonly held: number
  healthy(): boolean
  stop(): Promise<void>
}

/** The in-memory session store of a replica without Valkey. The number and the age of waiting sessions are limited. */
export class MemorySessionStore implements SessionStore {
  readonly name = 'memory'
  readonly shared = false
  /** The waiting sessions, oldest first. */
  private readonly waiting = new Map<string, { record: SessionRecord; untilMs: number }>()
  private readonly windowMs: number
  private readonly limit: number
  private nowMs = 0

  /**
   * @param windowMs how long a session waits for its client to reconnect
   * @param limit the maximum number of waiting sessions; the oldest session is removed first
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

  async take(id: string, token: number): Promise<SessionRecord | undefined> {
    const found = this.waiting.get(id)
    if (found === undefined || token < (found.record.oldestToken ?? 0)) return undefined
    this.waiting.delete(id)
    return found.record
  }

  onTaken(): void {}

  tick(nowMs: number): void {
    this.nowMs = nowMs
    // The map is sorted by expiry time, so the loop ends at the first session that has not expired.
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
