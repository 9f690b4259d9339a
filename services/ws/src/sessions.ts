/**
 * Sessions outlive connections, so that a client that reconnects to any replica misses no message. A session needs little memory: it
 * consists of its ids, its rooms, and the sequence numbers that its client has received. The messages themselves are stored once for all
 * sessions, in the room log.
 */
import { everyoneRoom, type ServerMessageType } from '@lab/contract/messages.ts'
import type { TokenClaim } from './resume-token.ts'
import type { TextFrame } from './text-frame.ts'

/** The methods of a connection that a session uses. */
export interface SessionConnection {
  sendFrame(type: ServerMessageType, frame: TextFrame): void
}

/** A session that is attached to a connection. */
export class Session<C extends SessionConnection = SessionConnection> {
  readonly id: string
  readonly connectionId: string
  readonly rooms = new Set<string>()
  connection: C
  /** The sequence number up to which all messages were sent to the client; 0 if the session began before this replica read the log. */
  seq: number
  /** Sequence numbers, higher than `seq`, up to which the client reports that it has received all messages of single rooms. */
  readonly ahead = new Map<string, number>()
  /** The sequence number that the client acknowledged. */
  ackedSeq: number
  /** The scope in which the ids of the client's messages are unique: the id of the session, or of the session that it replaced. */
  idScope: string

  /** The number of the oldest resume token that is accepted. */
  oldestToken = 0
  /** The number of the latest token, and the time at which it was sent. */
  private latestToken = 0
  private handedOutAtMs = 0

  constructor(id: string, connectionId: string, connection: C, seq: number) {
    this.id = this.idScope = id
    this.connectionId = connectionId
    this.connection = connection
    this.seq = this.ackedSeq = seq
  }

  /**
   * Sends a room message to the client, unless the client has it already: a resumed client may have received more than this replica has
   * read.
   */
  deliver(room: string, { seq, frame }: { seq: number; frame: TextFrame }): void {
    if (seq <= this.seq || seq <= (this.ahead.get(room) ?? 0)) return
    this.seq = seq
    this.connection.sendFrame('room_message', frame)
  }

  /**
   * Records that this replica has read and delivered the room log up to the given sequence number.
   * @returns the sequence number up to which all messages were sent to the client
   */
  sentUpTo(position: number): number {
    this.seq = Math.max(this.seq, position)
    return this.seq
  }

  get tokenNumber(): number {
    return this.latestToken
  }

  /** Records that the resume token with the given number is sent to the client. @param nowMs the time on a monotonic clock */
  handsOut(number: number, nowMs: number): void {
    this.latestToken = number
    this.handedOutAtMs = nowMs
  }

  /**
   * Records that everything that was sent to the client before the given time has arrived.
   * @returns whether older tokens of the session are refused from now on
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

/** Returns the content of a resume token for the session. */
export function claimOf({ id, idScope, tokenNumber }: Session): TokenClaim {
  return { sessionId: id, idScope, number: tokenNumber }
}

/** The stored data of a session. */
export interface SessionRecord {
  id: string
  connectionId: string
  /** The rooms of the session, without the room of everyone. */
  rooms: string[]
  ackedSeq: number
  /** The id of the session that this session replaced, if the ids of the client's messages are unique within that replaced session. */
  idScope?: string
  /** The number of the oldest resume token that is accepted; 0 if absent. */
  oldestToken?: number
}

/**
 * Stores sessions, so that another connection, on this replica or on another, can continue them. A replica owns a session from the moment
 * at which it saves or takes the session until another replica takes the session. After the takeover, saves by the former owner have no
 * effect.
 */
export interface SessionStore {
  readonly name: string
  /**
   * Whether other replicas can take over the stored sessions, even after this replica has failed. Sessions of open connections are also
   * saved, so that they can be resumed after a failure of the replica.
   */
  readonly shared: boolean
  /** Saves the session of an open connection. Resolves within two seconds, with false if the session is not stored yet. */
  save(record: SessionRecord): Promise<boolean>
  /** Stores a session whose connection was lost. A session whose connection is lost waits for its client for the resume window. */
  hold(record: SessionRecord): void
  /** Deletes a session whose client does not return. */
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
   * @param windowMs the time for which a session waits for its client
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
    // The order of the map is the order of expiry, so the loop ends at the first session that has not expired.
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
