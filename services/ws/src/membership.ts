/** Which session belongs to which connection, which rooms it is in, and what becomes of it when the connection is lost. */
import { everyoneRoom } from '@lab/contract/messages.ts'
import type { Connection } from './connection.ts'
import { type Presence, Rooms } from './rooms.ts'
import { Session, type SessionRecord, type SessionStore } from './sessions.ts'

export type HubSession = Session<Connection>

export class Membership {
  readonly rooms = new Rooms<HubSession>()
  /** Sessions of open connections by id. */
  private readonly attached = new Map<string, HubSession>()
  private readonly store: SessionStore
  private readonly presence: Presence

  constructor(store: SessionStore, presence: Presence) {
    this.store = store
    this.presence = presence
    store.onTaken((id) => void this.giveUp(id))
  }

  /** Makes a session for a connection: a fresh one, in the room of everyone, or one that is continued. @param seq place in the room log that its client has */
  begin(record: Omit<SessionRecord, 'ackedSeq'>, connection: Connection, seq: number): HubSession {
    const session: HubSession = new Session(record.id, record.connectionId, connection, seq)
    session.idScope = record.idScope ?? record.id
    connection.session = session
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
    this.presence.set(room, this.rooms.leave(room, session))
  }

  /** Stores what has changed of a session. @param entering a room it is about to enter */
  save(session: HubSession, entering?: string): Promise<boolean> {
    const record = session.record()
    if (entering !== undefined && !session.rooms.has(entering)) record.rooms.push(entering)
    return this.store.save(record)
  }

  /** Takes note that a connection is gone. @param mayComeBack whether its session waits for another */
  detach({ session }: Connection, mayComeBack: boolean): void {
    // Another connection, here or elsewhere, has the session already.
    if (this.attached.get(session.id) !== session) return
    const record = session.record()
    this.drop(session)
    if (mayComeBack) this.store.hold(record)
    else this.store.end(session.id)
  }

  /** Ends a session that its connection gives up for another one. */
  end(session: HubSession): void {
    this.drop(session)
    this.store.end(session.id)
  }

  /**
   * The session with this id, to be continued by another connection: it waits in the store, or is attached to a connection
   * that its client has lost already and that is closed now. Undefined when there is none; rejects when the store is away.
   */
  async take(id: string): Promise<SessionRecord | undefined> {
    return this.giveUp(id) ?? (await this.store.take(id))
  }

  /** Lets an attached session go to another connection. */
  private giveUp(id: string): SessionRecord | undefined {
    const session = this.attached.get(id)
    if (session === undefined) return undefined
    const record = session.record()
    this.drop(session)
    session.link.close('replaced')
    return record
  }

  private drop(session: HubSession): void {
    this.attached.delete(session.id)
    for (const room of [...session.rooms]) this.leave(room, session)
  }
}
