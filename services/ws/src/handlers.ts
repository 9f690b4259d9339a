/** What each message of a client does. */
import { everyoneRoom } from '@lab/contract/messages.ts'
import type { Config } from './config.ts'
import type { Connection } from './connection.ts'
import type { HubSession, Membership } from './membership.ts'
import type { Meter } from './metrics.ts'
import type { Clock, Log } from './ports.ts'
import type { ClientMessage } from './protocol.ts'
import type { RoomBus } from './rooms.ts'
import { tailOf } from './sessions.ts'
import type { Speech } from './speech.ts'

/** What handling a message needs. */
export interface Handling {
  config: Config
  clock: Clock
  meter: Meter
  log: Log
  bus: RoomBus
  speech: Speech
  membership: Membership
  tokenFor: (sessionId: string) => string
  readToken: (token: string) => { ok: true; sessionId: string } | { ok: false; why: 'invalid' | 'expired' }
}

type Of<T extends ClientMessage['type']> = Extract<ClientMessage, { type: T }>

/** Does what a message asks for and answers it. */
export function handleMessage(handling: Handling, connection: Connection, message: ClientMessage): void {
  if (message.type !== 'resume' && message.type !== 'heartbeat' && message.type !== 'ack') connection.used = true
  switch (message.type) {
    case 'message':
      echo(handling, connection, message)
      break
    case 'broadcast':
      broadcast(handling, connection, message)
      break
    case 'join':
      join(handling, connection, message)
      break
    case 'leave':
      leave(handling, connection, message)
      break
    case 'heartbeat':
      connection.send('heartbeat', `${handling.speech.head('heartbeat')}${echoed(message)}}`)
      break
    case 'resume':
      resume(handling, connection, message)
      break
    case 'ack':
      connection.session.acknowledge(message.seq)
  }
}

function echo(handling: Handling, connection: Connection, message: Of<'message'>): void {
  connection.session.push(
    'message_response',
    `${handling.speech.head('message_response')}${echoed(message)},"data":${JSON.stringify(message.data)}`,
  )
}

/** The client's own id and time, as fields to go on with. */
function echoed({ id, time }: { id?: string | number | undefined; time?: number | undefined }): string {
  return `${id === undefined ? '' : `,"id":${JSON.stringify(id)}`}${time === undefined ? '' : `,"clientTime":${time}`}`
}

function broadcast(handling: Handling, connection: Connection, message: Of<'broadcast'>): void {
  const { session } = connection
  const room = message.room ?? everyoneRoom
  if (!session.rooms.has(room)) {
    notInRoom(handling, connection, room, message.id)
    return
  }
  const head =
    `${handling.speech.head('room_message')},"room":${JSON.stringify(room)},"from":${JSON.stringify(session.connectionId)}` +
    `${echoed(message)},"data":${JSON.stringify(message.data)}`
  handling.bus.publish({ room, head: Buffer.from(head), publishedAtMs: handling.clock.now() })
  session.push(
    'message_response',
    `${handling.speech.head('message_response')}${echoed(message)},"delivered":${handling.membership.rooms.count(room)}`,
  )
}

function join(handling: Handling, connection: Connection, { room, id }: Of<'join'>): void {
  const { session } = connection
  const most = handling.config.MAX_ROOMS_PER_CONNECTION
  // The room of everyone is not one of them.
  if (!session.rooms.has(room) && session.rooms.size > most) {
    handling.speech.answerError(connection, 'too_many_rooms', `Already in ${most} rooms, which is as many as allowed; leave one first.`, id)
    return
  }
  handling.speech.send(connection, 'room_joined', { id, room, members: handling.membership.rooms.join(room, session) })
}

function leave(handling: Handling, connection: Connection, { room, id }: Of<'leave'>): void {
  const { session } = connection
  if (!session.rooms.has(room)) {
    notInRoom(handling, connection, room, id)
    return
  }
  handling.speech.send(connection, 'room_left', { id, room, members: handling.membership.rooms.leave(room, session) })
}

function notInRoom(handling: Handling, connection: Connection, room: string, id?: string | number): void {
  handling.speech.answerError(connection, 'not_in_room', `Not a member of ${JSON.stringify(room)}; join it first.`, id)
}

/** Continues an earlier session on this connection, which must still be fresh. */
function resume(handling: Handling, connection: Connection, { token, lastSeq, id }: Of<'resume'>): void {
  const fresh = connection.session
  const verdict = connection.used ? ({ ok: false, why: 'too_late' } as const) : handling.readToken(token)
  const session = verdict.ok ? takeSession(handling, verdict.sessionId, fresh) : undefined
  if (session === undefined) {
    const why = verdict.ok ? 'unknown' : verdict.why
    handling.meter.resume(why, 0)
    handling.speech.answerError(connection, `resume_${why}`, undefined, id)
    return
  }
  handling.membership.end(fresh)
  handling.membership.attach(session, connection)
  const { messages, gap } = session.missedSince(Math.min(lastSeq, session.seq))
  handling.speech.send(connection, 'resumed', {
    id,
    connectionId: session.connectionId,
    rooms: [...session.rooms].filter((room) => room !== everyoneRoom),
    replayed: messages.length,
    resumeToken: handling.tokenFor(session.id),
  })
  if (gap !== null) handling.speech.send(connection, 'resume_gap', gap)
  for (const { type, head, seq } of messages) connection.send(type, head, tailOf(seq))
  handling.meter.resume(gap === null ? 'resumed' : 'gap', messages.length)
  handling.log.info({ connectionId: connection.id, requestId: connection.requestId, replayed: messages.length, gap }, 'session resumed')
}

/** The session to continue, unless it is the connection's own. */
function takeSession({ membership, clock }: Handling, sessionId: string, fresh: HubSession): HubSession | undefined {
  return sessionId === fresh.id ? undefined : membership.take(sessionId, clock.steady())
}
