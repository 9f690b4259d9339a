/** Contains a handler for each type of client message. */
import { everyoneRoom } from '@lab/contract/messages.ts'
import { fields } from '@lab/contract/telemetry.ts'
import type { Config } from './config.ts'
import type { Connection } from './connection.ts'
import type { Encoder } from './encode.ts'
import type { History } from './history.ts'
import type { Membership } from './membership.ts'
import type { Meter } from './metrics.ts'
import type { Clock, Log } from './ports.ts'
import type { ClientMessage } from './protocol.ts'
import type { Provisional } from './provisional.ts'
import type { TokenClaim, TokenResult } from './resume-token.ts'
import type { RoomLog } from './room-log.ts'
import type { Presence } from './rooms.ts'
import { answerError, sendMessage } from './send.ts'
import { claimOf, type SessionRecord, type SessionStore } from './sessions.ts'
import type { Span, Tracer } from './telemetry/tracer.ts'

/** The message handlers' dependencies. */
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
  encoder: Encoder
  membership: Membership
  provisional: Provisional
  /** Returns the maximum number of rooms per connection, which is lower while the store is nearly full. */
  mostRooms: () => number
  /** Generates an id that cannot be guessed. */
  newId: () => string
  /** Creates a resume token. */
  tokenFor: (claim: TokenClaim) => string
  /** Verifies a client's resume token. */
  readToken: (token: string) => TokenResult
  /** Whether the connection is open and not closing. */
  isOpen: (connection: Connection) => boolean
}

type Of<T extends ClientMessage['type']> = Extract<ClientMessage, { type: T }>

/**
 * Handles a message from a client, and sends the response if the message requires one.
 * @returns a promise if the handler is asynchronous; the connection's next message then waits for this promise
 */
export function handleMessage(handling: Handling, connection: Connection, message: ClientMessage, span?: Span): Promise<void> | undefined {
  if (message.type !== 'resume' && message.type !== 'heartbeat' && message.type !== 'ack') connection.usedSession()
  switch (message.type) {
    case 'message':
      connection.send('message_response', handling.encoder.echo(message))
      return
    case 'broadcast':
      broadcast(handling, connection, message, span)
      return
    case 'join':
      return join(handling, connection, message)
    case 'leave':
      return leave(handling, connection, message)
    case 'heartbeat':
      connection.send('heartbeat', handling.encoder.heartbeat(message, connection.session.sentUpTo(handling.roomLog.position)))
      return
    case 'resume':
      return resume(handling, connection, message)
    case 'ack':
      connection.session.ackedSeq = Math.max(connection.session.ackedSeq, Math.min(message.seq, connection.session.seq))
  }
}

function broadcast(handling: Handling, connection: Connection, message: Of<'broadcast'>, span: Span | undefined): void {
  const { session } = connection
  const { encoder, roomLog, clock, meter } = handling
  const room = message.room ?? everyoneRoom
  if (!session.rooms.has(room)) {
    notInRoom(handling, connection, room, message.id)
    return
  }
  const { id } = message
  const head = encoder.roomMessage(room, session.connectionId, message)
  const key = id === undefined ? handling.newId() : `${session.idScope}:${JSON.stringify(id)}`
  const startedMs = clock.steady()
  const publishing = span && handling.tracer.publish(span.traceparent, room)
  const afterSeq = Math.max(session.seq, session.ahead.get(room) ?? 0)
  const draft = { room, head: Buffer.from(head), publishedAtMs: clock.now(), key, afterSeq, traceparent: publishing?.traceparent }
  roomLog.publish(draft, (outcome) => {
    meter.roomMessage(outcome.result)
    publishing?.set({ [fields.result]: outcome.result })
    if (outcome.result !== 'provisional') publishing?.end()
    if (outcome.result === 'stored') meter.storeRoundTrip((clock.steady() - startedMs) / 1000)
    if (outcome.result === 'refused') answerError(handling, connection, 'rooms_unavailable', undefined, id)
    else connection.send('message_response', encoder.outcome(message, outcome))
  })
}

async function join(handling: Handling, connection: Connection, { room, id, since }: Of<'join'>): Promise<void> {
  const { session } = connection
  const { membership, history, encoder, presence, roomLog } = handling
  const most = handling.mostRooms()
  // The room that every session joins does not count towards the room limit.
  if (!session.rooms.has(room) && session.rooms.size > most) {
    answerError(handling, connection, 'too_many_rooms', `The connection is in ${most} rooms, which is the maximum; leave one first.`, id)
    return
  }
  // The client may have received messages from another replica that this replica has not read yet.
  // If the session has already waited in vain for the replica to read the log, it does not wait again when it joins another room. The
  // client still receives the messages once the replica has read them.
  if (since !== undefined && session.ahead.size === 0) await roomLog.reached(since)
  // The session is saved before the response to the join is sent, so that the room membership survives a failure of this replica.
  await membership.save(session, room)
  const others = await presence.total(room)
  if (!handling.isOpen(connection)) return
  const members = session.rooms.has(room) ? others : others + 1
  // The session enters the room after the last `await`, so that room messages are sent only after the response to the join.
  membership.enter(room, session)
  membership.ahead.remove(session, room)
  session.ahead.delete(room)
  if (since !== undefined && since > Math.max(roomLog.position, session.seq)) {
    session.ahead.set(room, since)
    membership.ahead.add(session, since, room)
  }
  const missed = since === undefined ? undefined : history.since(since, [room])
  const messages = missed?.messages ?? history.last(room, handling.config.ROOM_HISTORY)
  const seq = Math.max(roomLog.position, session.seq, since ?? 0)
  sendMessage(encoder, connection, 'room_joined', { id, room, members, history: messages.length, seq })
  if (missed?.gap) sendMessage(encoder, connection, 'resume_gap', { room, ...missed.gap })
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
  sendMessage(handling.encoder, connection, 'room_left', { id, room, members: await handling.presence.total(room) })
}

function notInRoom(handling: Handling, connection: Connection, room: string, id?: string | number): void {
  answerError(handling, connection, 'not_in_room', `The connection is not in the room ${JSON.stringify(room)}; join it first.`, id)
}

/** Continues an earlier session on this connection, unless the client has already used the connection's own session. */
async function resume(handling: Handling, connection: Connection, { token, lastSeq, id }: Of<'resume'>): Promise<void> {
  const found = await findSession(handling, connection, token)
  if (!found.ok) {
    handling.meter.resume(found.why, 0)
    answerError(handling, connection, `resume_${found.why}`, undefined, id, found.resumeToken)
    return
  }
  const { record, number } = found
  const from = lastSeq ?? record.ackedSeq
  // The client may have received messages from another replica that this replica has not read yet.
  // New messages to the session's rooms are sent after the messages that the client missed.
  await handling.roomLog.reached(from)
  if (!handling.isOpen(connection)) {
    // The client disconnected while this handler was waiting, so the session is stored in case the client reconnects.
    handling.sessions.hold(record)
    return
  }
  const { membership, history, encoder } = handling
  membership.end(connection.session)
  const session = membership.begin(record, connection, from)
  session.handsOut(number + 1, handling.clock.steady())
  if (from > handling.roomLog.position) membership.ahead.add(session, from)
  connection.resumed(session)
  const { messages, gap } = history.since(from, session.rooms)
  sendMessage(encoder, connection, 'resumed', {
    id,
    connectionId: session.connectionId,
    rooms: record.rooms,
    replayed: messages.length,
    seq: from,
    resumeToken: handling.tokenFor(claimOf(session)),
  })
  // A pong shows that the client has received the new token and no longer needs the previous one.
  if (connection.pingedAtMs === 0) connection.ping(handling.clock.steady())
  if (gap !== null) sendMessage(encoder, connection, 'resume_gap', gap)
  for (const message of messages) session.deliver(message.room, message)
  for (const frame of handling.provisional.of(session.rooms)) connection.sendFrame('room_message', frame)
  handling.meter.resume(gap === null ? 'resumed' : 'gap', messages.length)
  handling.log.info({ connectionId: connection.id, requestId: connection.requestId, replayed: messages.length, gap }, 'session resumed')
}

type Found =
  | { ok: true; record: SessionRecord; number: number }
  | { ok: false; why: 'invalid' | 'expired' | 'unknown' | 'unavailable' | 'too_late'; resumeToken?: string }

/** Takes over the session named in a resume token, either from the store or from the connection to which it is still attached. */
async function findSession(handling: Handling, connection: Connection, token: string): Promise<Found> {
  if (connection.hasUsedSession) return { ok: false, why: 'too_late' }
  const verdict = handling.readToken(token)
  if (!verdict.ok) return verdict
  // A connection cannot resume its own session.
  if (verdict.sessionId === connection.session.id) return { ok: false, why: 'unknown' }
  let why: 'unknown' | 'unavailable' = 'unknown'
  try {
    const record = await handling.membership.take(verdict.sessionId, verdict.number)
    if (record !== undefined)
      return { ok: true, record: { idScope: verdict.idScope, ...record, oldestToken: verdict.number }, number: verdict.number }
  } catch (err) {
    handling.log.error({ err, connectionId: connection.id }, 'the session store cannot be reached')
    why = 'unavailable'
  }
  // Resent messages are still recognised as duplicates, because the valid token proves that their ids belong to this client.
  // The new session's token contains the scope of the client's message ids, so that other replicas also recognise resent messages as
  // duplicates.
  connection.session.idScope = verdict.idScope
  if (handling.sessions.shared) void handling.membership.save(connection.session)
  return { ok: false, why, resumeToken: handling.tokenFor(claimOf(connection.session)) }
}
