/** What each message of a client does. */
import { type ErrorCode, everyoneRoom, type ServerMessageType } from '@lab/contract/messages.ts'
import type { Connection } from './connection.ts'
import type { HubDeps, HubSession } from './hub.ts'
import type { ClientMessage } from './protocol.ts'
import type { Rooms } from './rooms.ts'

/** What handlers may use of the hub. */
export interface Handling extends HubDeps {
  rooms: Rooms<HubSession>
  /** JSON of a message up to its time. */
  head(type: ServerMessageType): string
  send(connection: Connection, type: ServerMessageType, fields: Record<string, unknown>): void
  answerError(connection: Connection, code: ErrorCode, text?: string, id?: string | number): void
  /** Makes a connection the one of a session. */
  attach(session: HubSession, connection: Connection): void
  endSession(session: HubSession): void
  /** The session with this id if it has an open connection here. */
  findSession(id: string): HubSession | undefined
}

type Of<T extends ClientMessage['type']> = Extract<ClientMessage, { type: T }>

/** Does what a message asks for and answers it. */
export function handleMessage(hub: Handling, connection: Connection, message: ClientMessage): void {
  if (message.type !== 'resume' && message.type !== 'heartbeat' && message.type !== 'ack') connection.used = true
  switch (message.type) {
    case 'message':
      echo(hub, connection, message)
      break
    case 'broadcast':
      broadcast(hub, connection, message)
      break
    case 'join':
      join(hub, connection, message)
      break
    case 'leave':
      leave(hub, connection, message)
      break
    case 'heartbeat':
      connection.send('heartbeat', `${hub.head('heartbeat')}${echoed(message)}}`)
      break
    case 'resume':
      resume(hub, connection, message)
      break
    case 'ack':
      connection.session.acknowledge(message.seq)
  }
}

function echo(hub: Handling, connection: Connection, message: Of<'message'>): void {
  connection.session.push('message_response', `${hub.head('message_response')}${echoed(message)},"data":${JSON.stringify(message.data)}`)
}

/** The client's own id and time, as fields to go on with. */
function echoed({ id, time }: { id?: string | number | undefined; time?: number | undefined }): string {
  return `${id === undefined ? '' : `,"id":${JSON.stringify(id)}`}${time === undefined ? '' : `,"clientTime":${time}`}`
}

function broadcast(hub: Handling, connection: Connection, message: Of<'broadcast'>): void {
  const { session } = connection
  const room = message.room ?? everyoneRoom
  if (!session.rooms.has(room)) {
    notInRoom(hub, connection, room, message.id)
    return
  }
  const head =
    `${hub.head('room_message')},"room":${JSON.stringify(room)},"from":${JSON.stringify(session.connectionId)}` +
    `${echoed(message)},"data":${JSON.stringify(message.data)}`
  hub.bus.publish({ room, head, publishedAtMs: hub.clock.now() })
  session.push('message_response', `${hub.head('message_response')}${echoed(message)},"delivered":${hub.rooms.count(room)}`)
}

function join(hub: Handling, connection: Connection, { room, id }: Of<'join'>): void {
  const { session } = connection
  const most = hub.config.MAX_ROOMS_PER_CONNECTION
  // The room of everyone is not one of them.
  if (!session.rooms.has(room) && session.rooms.size > most) {
    hub.answerError(connection, 'too_many_rooms', `Already in ${most} rooms, which is as many as allowed; leave one first.`, id)
    return
  }
  hub.send(connection, 'room_joined', { id, room, members: hub.rooms.join(room, session) })
}

function leave(hub: Handling, connection: Connection, { room, id }: Of<'leave'>): void {
  const { session } = connection
  if (!session.rooms.has(room)) {
    notInRoom(hub, connection, room, id)
    return
  }
  hub.send(connection, 'room_left', { id, room, members: hub.rooms.leave(room, session) })
}

function notInRoom(hub: Handling, connection: Connection, room: string, id?: string | number): void {
  hub.answerError(connection, 'not_in_room', `Not a member of ${JSON.stringify(room)}; join it first.`, id)
}

/** Continues an earlier session on this connection, which must still be fresh. */
function resume(hub: Handling, connection: Connection, { token, lastSeq, id }: Of<'resume'>): void {
  const fresh = connection.session
  const verdict = connection.used ? ({ ok: false, why: 'too_late' } as const) : hub.readToken(token)
  const session = verdict.ok ? takeSession(hub, verdict.sessionId, fresh) : undefined
  if (session === undefined) {
    const why = verdict.ok ? 'unknown' : verdict.why
    hub.meter.resume(why, 0)
    hub.answerError(connection, `resume_${why}`, undefined, id)
    return
  }
  hub.endSession(fresh)
  hub.attach(session, connection)
  const { frames, gap } = session.missedSince(Math.min(lastSeq, session.seq))
  hub.send(connection, 'resumed', {
    id,
    connectionId: session.connectionId,
    rooms: [...session.rooms].filter((room) => room !== everyoneRoom),
    replayed: frames.length,
    resumeToken: hub.tokenFor(session.id),
  })
  if (gap !== null) hub.send(connection, 'resume_gap', gap)
  for (const { type, text } of frames) connection.send(type, text)
  hub.meter.resume(gap === null ? 'resumed' : 'gap', frames.length)
  hub.log.info({ connectionId: connection.id, requestId: connection.requestId, replayed: frames.length, gap }, 'session resumed')
}

/** The session with this id: waiting in the store, or still attached to a connection that its client has lost already. */
function takeSession(hub: Handling, sessionId: string, fresh: HubSession): HubSession | undefined {
  if (sessionId === fresh.id) return undefined
  const held = hub.sessions.take(sessionId, hub.clock.steady())
  if (held !== undefined) return held
  const attached = hub.findSession(sessionId)
  attached?.link?.close('replaced')
  return attached
}
