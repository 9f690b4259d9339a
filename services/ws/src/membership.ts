/** Which session belongs to which connection, which rooms it is in, and what becomes of it when the connection is lost. */
import { everyoneRoom } from '@lab/contract/messages.ts'
import type { Connection } from './connection.ts'
import { Rooms } from './rooms.ts'
import { type BufferBounds, Session, type SessionStore } from './sessions.ts'

export type HubSession = Session<Connection>

export class Membership {
  readonly rooms = new Rooms<HubSession>()
  /** Sessions of open connections by id. */
  private readonly attached = new Map<string, HubSession>()
  private readonly store: SessionStore<HubSession>
  private readonly bounds: BufferBounds

  constructor(store: SessionStore<HubSession>, bounds: BufferBounds) {
    this.store = store
    this.bounds = bounds
  }

  /** A fresh session, in the room of everyone. */
  begin(id: string, connectionId: string): HubSession {
    const session: HubSession = new Session(id, connectionId, this.bounds)
    this.rooms.join(everyoneRoom, session)
    return session
  }

  /** Makes a connection the one of a session. */
  attach(session: HubSession, connection: Connection): void {
    connection.session = session
    session.link = connection
    this.attached.set(session.id, session)
  }

  /** Takes note that a connection is gone. @param mayComeBack whether its session waits for another */
  detach(connection: Connection, mayComeBack: boolean, nowMs: number): void {
    const { session } = connection
    // Another connection has the session already.
    if (session.link !== connection) return
    session.link = null
    this.attached.delete(session.id)
    const gone = mayComeBack ? this.store.hold(session, nowMs) : [session]
    for (const session of gone) this.end(session)
  }

  /**
   * The session with this id, to be continued by another connection: it waits in the store, or is attached to a connection
   * that its client has lost already and that is closed now. Undefined when it is not here.
   */
  take(id: string, nowMs: number): HubSession | undefined {
    const held = this.store.take(id, nowMs)
    if (held !== undefined) return held
    const session = this.attached.get(id)
    session?.link?.close('replaced')
    return session
  }

  /** Ends held sessions whose time is up. */
  expire(nowMs: number): void {
    for (const session of this.store.expire(nowMs)) this.end(session)
  }

  end(session: HubSession): void {
    this.attached.delete(session.id)
    this.rooms.leaveAll(session)
  }
}
