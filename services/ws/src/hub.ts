/**
 * The connections of this replica: opening, heartbeats, closing, goodbyes. Messages go on to inbox.ts.
 * No socket, timer or process is touched here: sockets come through the seam in connection.ts, time through `Clock`,
 * and whoever owns a timer calls `tick`.
 */
import { type CloseCause, causeOfCode, closeCodes } from '@lab/contract/close-codes.ts'
import type { Config } from './config.ts'
import { Connection, type Socket } from './connection.ts'
import { planWheel, visit, Wheel } from './heartbeat.ts'
import { createInbox, type Inbox } from './inbox.ts'
import { RateLimit } from './limits.ts'
import { type HubSession, Membership } from './membership.ts'
import type { Meter } from './metrics.ts'
import type { Clock, Log } from './ports.ts'
import type { RoomBus, RoomMessage, Rooms } from './rooms.ts'
import type { SessionStore } from './sessions.ts'
import { createSpeech } from './speech.ts'

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

export interface Hub extends Inbox {
  /** Connections that are open, or still closing. */
  readonly size: number
  /** How many of them have been told to go. */
  readonly told: number
  readonly rooms: Rooms<HubSession>
  /** Takes a socket that has just opened. */
  open(socket: Socket, who: { connectionId: string; requestId: string }): Connection
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
  const { config, clock, meter, log, bus } = deps
  const connections = new Set<Connection>()
  const wheelPlan = planWheel(config.HEARTBEAT_INTERVAL, config.CONNECTION_TIMEOUT)
  const wheel = new Wheel<Connection>(wheelPlan.slots)
  const speech = createSpeech(deps)
  const membership = new Membership(deps.sessions, { messages: config.RESUME_BUFFER_MESSAGES, bytes: config.RESUME_BUFFER_BYTES })
  const events = { sent: meter.sent, tooSlow }
  let told = 0

  bus.onMessage(deliverToRoom)

  function tooSlow(connection: Connection): void {
    meter.error('slow_reader')
    connection.close('slow_reader')
  }

  function deliverToRoom(message: RoomMessage): void {
    meter.pubsubLag(Math.max(0, clock.now() - message.publishedAtMs) / 1000)
    for (const member of membership.rooms.of(message.room)) member.push('room_message', message.head)
  }

  function open(socket: Socket, { connectionId, requestId }: { connectionId: string; requestId: string }): Connection {
    const nowMs = clock.steady()
    const session = membership.begin(deps.newId(), connectionId)
    const rate = new RateLimit(config.MAX_MESSAGES_PER_SECOND, nowMs)
    const maxBufferBytes = config.MAX_SEND_BUFFER_BYTES
    const connection = new Connection({ id: connectionId, requestId, socket, session, rate, nowMs, maxBufferBytes, events })
    membership.attach(session, connection)
    connections.add(connection)
    connection.slot = wheel.add(connection)
    meter.opened()
    speech.send(connection, 'connection_established', {
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

  function closed(connection: Connection, code: number): void {
    if (!connections.delete(connection)) return
    wheel.remove(connection, connection.slot)
    if (connection.toldGoodbye) told--
    const cause = connection.closing ?? causeOfCode(code)
    const seconds = (clock.steady() - connection.openedAtMs) / 1000
    // What we closed with counts, not what came back; a code that is not ours to name counts as one of many.
    const counted = closeCodes[cause].code
    meter.closed(cause, counted, seconds)
    // A client that said it is done does not come back; neither does one that we sent away for good.
    membership.detach(connection, closeCodes[cause].comeBack, clock.steady())
    const { id: connectionId, requestId } = connection
    log.info({ connectionId, requestId, code: cause === 'other' ? code : counted, cause, seconds }, 'connection closed')
  }

  function tick(): void {
    const nowMs = clock.steady()
    membership.expire(nowMs)
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
          connection.send('heartbeat', `${speech.head('heartbeat')}}`)
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
      speech.send(connection, 'goodbye', {
        reason: closeCodes.draining.reason,
        comeBackInMs: Math.floor(random() * windowMs),
        windowMs,
        resumeToken: deps.tokenFor(connection.session.id),
      })
    }
  }

  return {
    ...createInbox({ ...deps, speech, membership }),
    get size() {
      return connections.size
    },
    get told() {
      return told
    },
    rooms: membership.rooms,
    open,
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
