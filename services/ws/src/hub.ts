/**
 * Everything that happens to connections on this replica: opening, messages, rooms, heartbeats, sessions, goodbyes.
 * No socket, timer or process is touched here: sockets come through the seam in connection.ts, time through `Clock`,
 * and whoever owns a timer calls `tick`.
 */
import { type CloseCause, closeCodes } from '@lab/contract/close-codes.ts'
import { type ErrorCode, errorCodes, everyoneRoom, type ServerMessageType } from '@lab/contract/messages.ts'
import type { Config } from './config.ts'
import { Connection, type Socket } from './connection.ts'
import { handleMessage } from './handlers.ts'
import { planWheel, visit, Wheel } from './heartbeat.ts'
import { RateLimit } from './limits.ts'
import type { Meter } from './metrics.ts'
import { parseFrame } from './protocol.ts'
import { type RoomBus, type RoomMessage, Rooms } from './rooms.ts'
import { type BufferBounds, Session, type SessionStore } from './sessions.ts'

export interface Clock {
  /** Wall-clock time, milliseconds since 1970. */
  now(): number
  /** A clock that only goes forward, milliseconds from anywhere. */
  steady(): number
}

/** The part of a logger that is used here. */
export interface Log {
  info(fields: object, text: string): void
  error(fields: object, text: string): void
}

export type HubSession = Session<Connection>

export interface HubDeps {
  config: Config
  replica: string
  clock: Clock
  meter: Meter
  log: Log
  bus: RoomBus
  sessions: SessionStore<HubSession>
  /** Makes an id that nobody can guess. */
  newId: () => string
  /** Makes the resume token of a session. */
  tokenFor: (sessionId: string) => string
  /** Reads a resume token that a client showed. */
  readToken: (token: string) => { ok: true; sessionId: string } | { ok: false; why: 'invalid' | 'expired' }
}

export interface Hub {
  /** Connections that are open, or still closing. */
  readonly size: number
  /** How many of them have been told to go. */
  readonly told: number
  readonly rooms: Rooms<HubSession>
  /** Takes a socket that has just opened. */
  open(socket: Socket, who: { connectionId: string; requestId: string }): Connection
  /** Takes a text frame. */
  receive(connection: Connection, text: string, bytes: number): void
  /** Answers a frame that is not text. */
  receiveBinary(connection: Connection): void
  /** Takes note that a frame broke the protocol, for which the socket is closing with `code`. Answers it and returns the reason. */
  broken(connection: Connection, code: number): string
  /** Answers a ping, which counts against the rate like a message. */
  ping(connection: Connection, data: Buffer): void
  pong(connection: Connection): void
  /** Takes note that a socket has closed. @param code as the socket reports it */
  closed(connection: Connection, code: number): void
  /** One turn of the heartbeat wheel: pings whose turn it is, closes the dead and the idle. */
  tick(): void
  /** Milliseconds from one tick to the next. */
  readonly tickMs: number
  /** Tells up to `count` connections that have not been told yet to come back elsewhere within `windowMs`. */
  sayGoodbye(count: number, windowMs: number, random: () => number): void
  closeAll(cause: CloseCause): void
  /** Ends every socket without a handshake. */
  terminateAll(): void
}

export function createHub(deps: HubDeps): Hub {
  const { config, replica, clock, meter, log, bus, sessions } = deps
  const connections = new Set<Connection>()
  /** Sessions of open connections by id. */
  const attached = new Map<string, HubSession>()
  const rooms = new Rooms<HubSession>()
  const wheelPlan = planWheel(config.HEARTBEAT_INTERVAL, config.CONNECTION_TIMEOUT)
  const wheel = new Wheel<Connection>(wheelPlan.slots)
  const bounds: BufferBounds = { messages: config.RESUME_BUFFER_MESSAGES, bytes: config.RESUME_BUFFER_BYTES }
  const events = { sent: meter.sent, tooSlow }
  /** The start of every message we send. */
  const heads = new Map<ServerMessageType, string>()
  let told = 0

  bus.onMessage(deliverToRoom)

  /** JSON of a message up to its time, to which the caller adds the rest. */
  function head(type: ServerMessageType): string {
    let start = heads.get(type)
    if (start === undefined) {
      start = `{"type":"${type}","replica":${JSON.stringify(replica)},"time":`
      heads.set(type, start)
    }
    return start + clock.now()
  }

  function send(connection: Connection, type: ServerMessageType, fields: Record<string, unknown>): void {
    connection.send(type, JSON.stringify({ type, replica, time: clock.now(), ...fields }))
  }

  function answerError(connection: Connection, code: ErrorCode, text: string = errorCodes[code].text, id?: string | number): void {
    meter.error(code)
    send(connection, 'error', { id, code, message: text })
  }

  function tooSlow(connection: Connection): void {
    meter.error('slow_reader')
    connection.close('slow_reader')
  }

  function deliverToRoom(message: RoomMessage): void {
    meter.pubsubLag(Math.max(0, clock.now() - message.publishedAtMs) / 1000)
    for (const member of rooms.of(message.room)) member.push('room_message', message.head)
  }

  function open(socket: Socket, { connectionId, requestId }: { connectionId: string; requestId: string }): Connection {
    const nowMs = clock.steady()
    const session: HubSession = new Session(deps.newId(), connectionId, bounds)
    const rate = new RateLimit(config.MAX_MESSAGES_PER_SECOND, nowMs)
    const maxBufferBytes = config.MAX_SEND_BUFFER_BYTES
    const connection = new Connection({ id: connectionId, requestId, socket, session, rate, nowMs, maxBufferBytes, events })
    attach(session, connection)
    connections.add(connection)
    connection.slot = wheel.add(connection)
    rooms.join(everyoneRoom, session)
    meter.opened()
    send(connection, 'connection_established', {
      connectionId,
      heartbeatIntervalMs: config.HEARTBEAT_INTERVAL,
      connectionTimeoutMs: config.CONNECTION_TIMEOUT,
      resumeToken: deps.tokenFor(session.id),
      limits: {
        maxFrameBytes: config.MAX_FRAME_BYTES,
        messagesPerSecond: config.MAX_MESSAGES_PER_SECOND,
        maxRooms: config.MAX_ROOMS_PER_CONNECTION,
        sendBufferBytes: config.MAX_SEND_BUFFER_BYTES,
      },
    })
    log.info({ connectionId, requestId, connections: connections.size }, 'connection opened')
    return connection
  }

  function attach(session: HubSession, connection: Connection): void {
    connection.session = session
    session.link = connection
    attached.set(session.id, session)
  }

  /** Whether a frame may be looked at; answers it when not. */
  function admit(connection: Connection, nowMs: number): boolean {
    const verdict = connection.rate.take(nowMs)
    if (verdict === 'pass') return true
    const code = verdict === 'abuse' ? 'rate_abuse' : 'rate_limited'
    answerError(connection, code, `${errorCodes[code].text} Allowed: ${config.MAX_MESSAGES_PER_SECOND} per second.`)
    if (verdict === 'abuse') connection.close('rate_abuse')
    return false
  }

  const findSession = (id: string) => attached.get(id)
  const handling = { ...deps, rooms, head, send, answerError, attach, endSession, findSession }

  function receive(connection: Connection, text: string, bytes: number): void {
    if (connection.closing !== null) return
    const startedMs = clock.steady()
    connection.lastMessageMs = startedMs
    if (!admit(connection, startedMs)) return
    const parsed = parseFrame(text)
    if (!parsed.ok) {
      answerError(connection, parsed.code, parsed.text, parsed.id)
      return
    }
    const { message } = parsed
    meter.received(message.type, bytes)
    try {
      handleMessage(handling, connection, message)
    } catch (err) {
      // Whatever one message breaks must not end the process, and with it everybody else's connection.
      log.error({ err, connectionId: connection.id, requestId: connection.requestId }, 'message failed')
      answerError(connection, 'internal', undefined, 'id' in message ? message.id : undefined)
    }
    meter.handling((clock.steady() - startedMs) / 1000)
    if ('time' in message && message.time !== undefined) recordLatency(message.time)
  }

  /** A client whose clock runs ahead or is hours off says nothing about latency. */
  function recordLatency(sentAtMs: number): void {
    const tookMs = clock.now() - sentAtMs
    if (tookMs >= 0 && tookMs < maxLatencyMs) meter.latency(tookMs / 1000)
  }

  function receiveBinary(connection: Connection): void {
    if (connection.closing !== null) return
    connection.lastMessageMs = clock.steady()
    if (admit(connection, connection.lastMessageMs)) answerError(connection, 'binary_not_supported')
  }

  function broken(connection: Connection, code: number): string {
    const tooLarge = code === closeCodes.frame_too_large.code
    const error = tooLarge ? 'frame_too_large' : 'invalid_frame'
    const utf8 = code === closeCodes.invalid_payload.code
    const allowed = tooLarge ? `${config.MAX_FRAME_BYTES} bytes` : utf8 ? 'text in valid UTF-8' : 'masked frames as in RFC 6455'
    answerError(connection, error, `${errorCodes[error].text} Allowed: ${allowed}.`)
    const cause = causeOf(code)
    connection.closing ??= cause === 'other' ? 'protocol_error' : cause
    return closeCodes[cause].reason
  }

  function ping(connection: Connection, data: Buffer): void {
    if (connection.closing === null && admit(connection, clock.steady())) connection.pong(data)
  }

  function pong(connection: Connection): void {
    // Pongs that nobody asked for are allowed, at the rate of messages.
    if (connection.pingedAtMs !== 0) connection.pingedAtMs = 0
    else if (connection.closing === null) admit(connection, clock.steady())
  }

  function closed(connection: Connection, code: number): void {
    if (!connections.delete(connection)) return
    wheel.remove(connection, connection.slot)
    if (connection.toldGoodbye) told--
    const cause = connection.closing ?? causeOf(code)
    const seconds = (clock.steady() - connection.openedAtMs) / 1000
    // What we closed with counts, not what came back; a code that is not ours to name counts as one of many.
    const counted = closeCodes[cause].code
    meter.closed(cause, counted, seconds)
    const { session } = connection
    if (session.link === connection) {
      session.link = null
      attached.delete(session.id)
      // A client that said it is done does not come back; neither does one that we sent away for good.
      if (closeCodes[cause].comeBack) for (const gone of sessions.hold(session, clock.steady())) endSession(gone)
      else endSession(session)
    }
    log.info(
      { connectionId: connection.id, requestId: connection.requestId, code: cause === 'other' ? code : counted, cause, seconds },
      'connection closed',
    )
  }

  function endSession(session: HubSession): void {
    attached.delete(session.id)
    rooms.leaveAll(session)
  }

  function tick(): void {
    const nowMs = clock.steady()
    for (const gone of sessions.expire(nowMs)) endSession(gone)
    for (const connection of wheel.turn()) {
      switch (visit(connection, nowMs, config.HEARTBEAT_INTERVAL, config.CONNECTION_TIMEOUT)) {
        case 'dead':
          connection.closing ??= 'heartbeat_lost'
          connection.socket.terminate()
          break
        case 'idle':
          connection.close('idle')
          break
        case 'ping':
          connection.pingedAtMs = connection.lastPingMs = nowMs
          connection.socket.ping()
          connection.send('heartbeat', `${head('heartbeat')}}`)
          break
        case 'nothing':
      }
    }
  }

  function sayGoodbye(count: number, windowMs: number, random: () => number): void {
    let left = count
    for (const connection of connections) {
      if (left <= 0) return
      if (connection.toldGoodbye) continue
      connection.toldGoodbye = true
      told++
      left--
      meter.goodbye()
      send(connection, 'goodbye', {
        reason: closeCodes.draining.reason,
        comeBackInMs: Math.floor(random() * windowMs),
        windowMs,
        resumeToken: deps.tokenFor(connection.session.id),
      })
    }
  }

  return {
    get size() {
      return connections.size
    },
    get told() {
      return told
    },
    rooms,
    open,
    receive,
    receiveBinary,
    broken,
    ping,
    pong,
    closed,
    tick,
    tickMs: wheelPlan.tickMs,
    sayGoodbye,
    closeAll: (cause) => {
      for (const connection of connections) connection.close(cause)
    },
    terminateAll: () => {
      for (const connection of connections) connection.socket.terminate()
    },
  }
}

/** Longer than any answer takes: beyond it the client's clock is simply wrong. */
const maxLatencyMs = 3_600_000

const causesByCode = new Map<number, CloseCause>(
  (Object.entries(closeCodes) as [CloseCause, (typeof closeCodes)[CloseCause]][]).map(([cause, { code }]) => [code, cause]),
)

/** The cause that a close code stands for when it was not us who closed. */
function causeOf(code: number): CloseCause {
  return causesByCode.get(code) ?? 'other'
}
