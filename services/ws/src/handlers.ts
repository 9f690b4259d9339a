/** What each message of a client does. */
import { everyoneRoom } from '@lab/contract/messages.ts'
import { fields } from '@lab/contract/telemetry.ts'
import type { Config } from './config.ts'
import type { Connection } from './connection.ts'
import type { History } from './history.ts'
import type { Membership } from './membership.ts'
import type { Meter } from './metrics.ts'
import type { Clock, Log } from './ports.ts'
import type { ClientMessage } from './protocol.ts'
import type { Provisional } from './provisional.ts'
import type { Published, RoomLog } from './room-log.ts'
import type { Presence } from './rooms.ts'
import type { SessionRecord, SessionStore } from './sessions.ts'
import type { Speech } from './speech.ts'
import type { Span, Tracer } from './telemetry/tracer.ts'

/** What handling a message needs. */
export interface Handling {
  config: Config
  clock: Clock
  meter: Meter
  log: Log
  tracer: Tracer
  roomLog: RoomLog
  history: History
  sessions: SessionStore
  presence: Presence
  speech: Speech
  membership: Membership
  provisional: Provisional
  /** Makes an id that nobody can guess. */
  newId: () => string
  /** Makes the resume token of a session. */
  tokenFor: (sessionId: string) => string
  /** Reads a resume token that a client showed. */
  readToken: (token: string) => { ok: true; sessionId: string } | { ok: false; why: 'invalid' | 'expired' }
  /** Whether the connection is still there, and not on its way out. */
  isOpen: (connection: Connection) => boolean
}

type Of<T extends ClientMessage['type']> = Extract<ClientMessage, { type: T }>

/** Does what a message asks for and answers it. @returns a promise when that takes time; the connection's next message waits for it */
export function handleMessage(handling: Handling, connection: Connection, message: ClientMessage, span?: Span): Promise<void> | undefined {
  if (message.type !== 'resume' && message.type !== 'heartbeat' && message.type !== 'ack') connection.used = true
  switch (message.type) {
    case 'message':
      echo(handling, connection, message)
      return
    case 'broadcast':
      broadcast(handling, connection, message, span)
      return
    case 'join':
      return join(handling, connection, message)
    case 'leave':
      return leave(handling, connection, message)
    case 'heartbeat':
      connection.send('heartbeat', `${handling.speech.head('heartbeat')}${echoed(message)}}`)
      return
    case 'resume':
      return resume(handling, connection, message)
    case 'ack':
      connection.session.ackedSeq = Math.max(connection.session.ackedSeq, Math.min(message.seq, connection.session.seq))
  }
}

function echo({ speech }: Handling, connection: Connection, message: Of<'message'>): void {
  connection.send('message_response', `${speech.head('message_response')}${echoed(message)},"data":${JSON.stringify(message.data)}}`)
}

/** The client's own id and time, as fields to go on with. */
function echoed({ id, time }: { id?: string | number | undefined; time?: number | undefined }): string {
  return `${id === undefined ? '' : `,"id":${JSON.stringify(id)}`}${time === undefined ? '' : `,"clientTime":${time}`}`
}

function broadcast(handling: Handling, connection: Connection, message: Of<'broadcast'>, span: Span | undefined): void {
  const { session } = connection
  const { speech, roomLog, clock, meter } = handling
  const room = message.room ?? everyoneRoom
  if (!session.rooms.has(room)) {
    notInRoom(handling, connection, room, message.id)
    return
  }
  const head =
    `${speech.head('room_message')},"room":${JSON.stringify(room)},"from":${JSON.stringify(session.connectionId)}` +
    `${echoed(message)},"data":${JSON.stringify(message.data)}`
  const key = message.id === undefined ? handling.newId() : `${session.idScope}:${JSON.stringify(message.id)}`
  const startedMs = clock.steady()
  const publishing = span && handling.tracer.publish(span.traceparent, room)
  const draft = { room, head: Buffer.from(head), publishedAtMs: clock.now(), key, traceparent: publishing?.traceparent }
  roomLog.publish(draft, (outcome) => {
    meter.roomMessage(outcome.result)
    publishing?.set({ [fields.result]: outcome.result })
    if (outcome.result !== 'provisional') publishing?.end()
    if (outcome.result === 'stored') meter.storeRoundTrip((clock.steady() - startedMs) / 1000)
    if (outcome.result === 'refused') speech.answerError(connection, 'rooms_unavailable', undefined, message.id)
    else connection.send('message_response', `${speech.head('message_response')}${echoed(message)}${placed(outcome)}}`)
  })
}

/** What became of a room message, as fields to go on with. */
function placed(outcome: Exclude<Published, { result: 'refused' }>): string {
  if (outcome.result === 'provisional') return ',"stored":false'
  return `,"stored":true,"seq":${outcome.seq}${outcome.result === 'duplicate' ? ',"duplicate":true' : ''}`
}

async function join(handling: Handling, connection: Connection, { room, id, since }: Of<'join'>): Promise<void> {
  const { session } = connection
  const { membership, history, speech, presence, roomLog } = handling
  const most = handling.config.MAX_ROOMS_PER_CONNECTION
  // The room of everyone is not one of them.
  if (!session.rooms.has(room) && session.rooms.size > most) {
    speech.answerError(connection, 'too_many_rooms', `Already in ${most} rooms, which is as many as allowed; leave one first.`, id)
    return
  }
  // A membership that is answered outlives this replica.
  await membership.save(session, room)
  const others = await presence.total(room)
  if (!handling.isOpen(connection)) return
  const members = session.rooms.has(room) ? others : others + 1
  // What the room is sent from here on comes after the answer.
  membership.enter(room, session)
  const missed = since === undefined ? undefined : history.since(since, [room])
  const messages = missed?.messages ?? history.last(room, handling.config.ROOM_HISTORY)
  speech.send(connection, 'room_joined', { id, room, members, history: messages.length, seq: roomLog.position })
  if (missed?.gap) speech.send(connection, 'resume_gap', { room, ...missed.gap })
  for (const { frame } of messages) connection.sendFrame('room_message', frame)
  for (const frame of handling.provisional.of(new Set([room]))) connection.sendFrame('room_message', frame)
}

async function leave(handling: Handling, connection: Connection, { room, id }: Of<'leave'>): Promise<void> {
  const { session } = connection
  if (!session.rooms.has(room)) {
    notInRoom(handling, connection, room, id)
    return
  }
  handling.membership.leave(room, session)
  await handling.membership.save(session)
  handling.speech.send(connection, 'room_left', { id, room, members: await handling.presence.total(room) })
}

function notInRoom(handling: Handling, connection: Connection, room: string, id?: string | number): void {
  handling.speech.answerError(connection, 'not_in_room', `Not a member of ${JSON.stringify(room)}; join it first.`, id)
}

/** Continues an earlier session on this connection, which must still be fresh. */
async function resume(handling: Handling, connection: Connection, { token, lastSeq, id }: Of<'resume'>): Promise<void> {
  const found = await findSession(handling, connection, token)
  if ('why' in found) {
    handling.meter.resume(found.why, 0)
    handling.speech.answerError(connection, `resume_${found.why}`, undefined, id)
    return
  }
  const from = lastSeq ?? found.ackedSeq
  // The client may have been sent at another replica what has not been read here yet: rooms it enters begin behind that.
  await handling.roomLog.reached(from)
  if (!handling.isOpen(connection)) {
    // Its client is gone again: the session waits for the next time.
    handling.sessions.hold(found)
    return
  }
  const { membership, history, speech } = handling
  membership.end(connection.session)
  const session = membership.begin(found, connection, from)
  const { messages, gap } = history.since(from, session.rooms)
  speech.send(connection, 'resumed', {
    id,
    connectionId: session.connectionId,
    rooms: found.rooms,
    replayed: messages.length,
    seq: from,
    resumeToken: handling.tokenFor(session.id),
  })
  if (gap !== null) speech.send(connection, 'resume_gap', gap)
  for (const { seq, frame } of messages) session.deliver(seq, frame)
  for (const frame of handling.provisional.of(session.rooms)) connection.sendFrame('room_message', frame)
  handling.meter.resume(gap === null ? 'resumed' : 'gap', messages.length)
  handling.log.info(
    { connectionId: connection.id, sessionId: session.id, requestId: connection.requestId, replayed: messages.length, gap },
    'session resumed',
  )
}

type NotFound = { why: 'invalid' | 'expired' | 'unknown' | 'unavailable' | 'too_late' }

/** The session that a token stands for, taken from whoever had it, or why not. */
async function findSession(handling: Handling, connection: Connection, token: string): Promise<SessionRecord | NotFound> {
  if (connection.used) return { why: 'too_late' }
  const verdict = handling.readToken(token)
  if (!verdict.ok) return verdict
  // The connection's own session is no earlier one.
  if (verdict.sessionId === connection.session.id) return { why: 'unknown' }
  let record: SessionRecord | undefined
  let why: NotFound['why'] = 'unknown'
  try {
    record = await handling.membership.take(verdict.sessionId)
  } catch (err) {
    handling.log.error({ err, connectionId: connection.id }, 'sessions cannot be looked up')
    why = 'unavailable'
  }
  if (record !== undefined) return record
  // What the client asks for again is recognised all the same: it has shown that those ids are its own.
  connection.session.idScope = verdict.sessionId
  return { why }
}
