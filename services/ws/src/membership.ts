/** Manages the sessions of open connections and their rooms, and detaches sessions whose connection is lost. */
import { everyoneRoom } from '@lab/contract/messages.ts'
import { Ahead } from './ahead.ts'
import type { Connection } from './connection.ts'
import { type Presence, Rooms } from './rooms.ts'
import { Session, type SessionRecord, type SessionStore } from './sessions.ts'

export type HubSession = Session<Connection>

export class Membership {
  readonly rooms = new Rooms<HubSession>()
  readonly ahead = new Ahead()
  /** The sessions of open connections, by session id. */
  private readonly attached = new Map<string, HubSession>()
  private readonly store: SessionStore
  private readonly presence: Presence
  private readonly mostRooms: () => number

  /** @param mostRooms returns the number of rooms above which a session is not stored when its connection is lost */
  constructor(store: SessionStore, presence: Presence, mostRooms: () => number) {
    this.mostRooms = mostRooms
    this.store = store
    this.presence = presence
    store.onTaken((id) => void this.giveUp(id))
  }

  /**
   * Begins a session for a connection: either a new session, which is only in the room that every session joins, or a resumed session.
   * @param seq the sequence number up to which the client has received all messages in the room log
   */
  begin(record: Omit<SessionRecord, 'ackedSeq'>, connection: Connection, seq: number): HubSession {
    const session: HubSession = new Session(record.id, record.connectionId, connection, seq)
    session.idScope = record.idScope ?? record.id
    session.oldestToken = record.oldestToken ?? 0
    this.attached.set(session.id, session)
    this.enter(everyoneRoom, session)
    for (const room of record.rooms) this.enter(room, session)
    if (this.store.shared) void this.store.save(session.record())
    return session
  }

  enter(room: string, session: HubSession): void {
    this.presence.set(room, this.rooms.join(room, session))
  }

  leave(room: string, session: HubSession): void {
    this.ahead.remove(session, room)
    session.ahead.delete(room)
    this.presence.set(room, this.rooms.leave(room, session))
  }

  /**
   * Saves a changed session.
   * @param entering the room that the session is about to join. Resolves with the result of `SessionStore.save`.
   */
  save(session: HubSession, entering?: string): Promise<boolean> {
    const record = session.record()
    if (entering !== undefined && !session.rooms.has(entering)) record.rooms.push(entering)
    return this.store.save(record)
  }

  /**
   * Detaches the session from a closed connection.
   * @param mayComeBack whether to store the session so that another connection can resume it
   */
  detach({ session }: Connection, mayComeBack: boolean): void {
    // The session has already been taken over by another connection, on this or another replica.
    if (this.attached.get(session.id) !== session) return
    const record = session.record()
    this.drop(session)
    if (mayComeBack && record.rooms.length <= this.mostRooms()) this.store.hold(record)
    else this.store.end(session.id)
  }

  /**
   * Records that the client has received everything sent before a ping to which it has responded.
   * @param pingedAtMs the time of the ping on a monotonic clock
   */
  answeredPing(session: HubSession, pingedAtMs: number): void {
    if (session.tokenArrived(pingedAtMs) && this.store.shared) void this.save(session)
  }

  /** Ends a connection's own session when the connection resumes another one. */
  end(session: HubSession): void {
    this.drop(session)
    this.store.end(session.id)
  }

  /**
   * Takes over the session with the given id for another connection. The session is either in the store or still attached to a connection
   * that the client has lost; this method closes such a connection. Resolves with undefined if the session does not exist or no longer
   * accepts the token with the given number. The promise rejects if the store is unavailable.
   */
  async take(id: string, token: number): Promise<SessionRecord | undefined> {
    const session = this.attached.get(id)
    if (session !== undefined) return token < session.oldestToken ? undefined : this.giveUp(id)
    return await this.store.take(id, token)
  }

  /** Detaches a session from its connection so that another connection can take it over, and closes the old connection. */
  private giveUp(id: string): SessionRecord | undefined {
    const session = this.attached.get(id)
    if (session === undefined) return undefined
    const record = session.record()
    this.drop(session)
    session.connection.close('replaced')
    return record
  }

  private drop(session: HubSession): void {
    this.attached.delete(session.id)
    this.ahead.remove(session)
    for (const room of [...session.rooms]) this.leave(room, session)
  }
}
