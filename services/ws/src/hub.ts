/**
 * The connections of this replica: opening, heartbeats, closing, goodbyes. Messages go on to inbox.ts.
 * No socket, timer or process is touched here: sockets come through the seam in connection.ts, time through `Clock`,
 * and whoever owns a timer calls `tick`.
 */
import { type CloseCause, causeOfCode, closeCodes } from '@lab/contract/close-codes.ts'
import type { GoodbyeReason } from '@lab/contract/metrics.ts'
import { fields } from '@lab/contract/telemetry.ts'
import { Connection, type Socket } from './connection.ts'
import type { Handling } from './handlers.ts'
import { planWheel, visit, Wheel } from './heartbeat.ts'
import { createInbox, type Inbox } from './inbox.ts'
import { RateLimit } from './limits.ts'
import { type HubSession, Membership } from './membership.ts'
import { Provisional } from './provisional.ts'
import type { RoomDraft, RoomLogEvents, RoomMessage } from './room-log.ts'
import type { Rooms } from './rooms.ts'
import { createSpeech } from './speech.ts'
import { connectionTrace, type Span } from './telemetry/tracer.ts'
import { textFrame } from './text-frame.ts'

/** What the hub is given; what is missing of what messages need, it makes itself. */
export type HubDeps = Omit<Handling, 'speech' | 'membership' | 'provisional' | 'isOpen'> & { replica: string }

/** Whose socket it is. */
interface Who {
  connectionId: string
  requestId: string
  /** Of its upgrade, if that is traced. */
  span?: Span | undefined
}

export interface Hub extends Inbox {
  /** Connections that are open, or still closing. */
  readonly size: number
  /** How many of them have been told to go because the replica leaves. */
  readonly told: number
  /** How many have been told to go for whatever reason. */
  readonly leaving: number
  /** For the room log: what arrives goes to the members here. */
  readonly roomEvents: RoomLogEvents
  readonly rooms: Rooms<HubSession>
  /** Takes a socket that has just opened. */
  open(socket: Socket, who: Who): Connection
  /** Takes note that a socket has closed. @param code as the socket reports it */
  closed(connection: Connection, code: number): void
  /** One turn of the heartbeat wheel: pings whose turn it is, closes the dead and the idle. */
  tick(): void
  /** Milliseconds from one tick to the next. */
  readonly tickMs: number
  /** Tells up to `count` connections that have not been told so yet to come back elsewhere within `windowMs`. Returns how many it told. */
  sayGoodbye(goodbye: { count: number; windowMs: number; reason: GoodbyeReason; random: () => number }): number
  closeAll(cause: CloseCause): void
  /** Ends every socket without a handshake. */
  terminateAll(): void
}

export function createHub(deps: HubDeps): Hub {
  const { config, clock, meter, log, tracer, roomLog, history } = deps
  const connections = new Set<Connection>()
  const wheelPlan = planWheel(config.HEARTBEAT_INTERVAL, config.CONNECTION_TIMEOUT)
  const wheel = new Wheel<Connection>(wheelPlan.slots)
  const speech = createSpeech(deps)
  const provisional = new Provisional()
  const membership = new Membership(deps.sessions, deps.presence)
  const events = { sent: meter.sent, tooSlow }
  const told: Record<GoodbyeReason, number> = { draining: 0, rebalancing: 0 }

  function tooSlow(connection: Connection): void {
    meter.error('slow_reader')
    connection.close('slow_reader')
  }

  const roomEvents: RoomLogEvents = {
    onMessage({ room, head, seq, offset, publishedAtMs, traceparent }: RoomMessage): void {
      const nowMs = clock.now()
      const members = membership.rooms.of(room)
      const traced = traceparent !== undefined && members.size > 0
      const span = traced ? tracer.deliver(traceparent, { room, seq, members: members.size }) : undefined
      meter.pubsubLag(Math.max(0, nowMs - publishedAtMs) / 1000, span?.traceId)
      const frame = textFrame(head, `,"seq":${seq},"offset":${offset}}`)
      history.add(room, { seq, frame }, nowMs)
      provisional.stored(head)
      for (const member of members) member.deliver(seq, frame)
      span?.end()
    },
    onProvisional({ room, head }: RoomDraft): void {
      const frame = provisional.add({ room, head })
      for (const member of membership.rooms.of(room)) member.link.sendFrame('room_message', frame)
    },
    onLost(upToSeq: number): void {
      // A replica that has just started has missed what the store no longer holds, and nobody here minds.
      if (connections.size > 0) log.error({ upToSeq }, 'room messages lost: they fell out of the store before this replica read them')
      history.lose(upToSeq)
      for (const { session } of connections) {
        if (session.seq >= upToSeq) continue
        speech.send(session.link, 'resume_gap', { from: session.seq + 1, to: upToSeq })
        session.seq = upToSeq
      }
    },
  }

  function open(socket: Socket, { connectionId, requestId, span }: Who): Connection {
    const nowMs = clock.steady()
    const rate = new RateLimit(config.MAX_MESSAGES_PER_SECOND, nowMs)
    const maxBufferBytes = config.MAX_SEND_BUFFER_BYTES
    const trace = connectionTrace(span)
    const connection = new Connection({ id: connectionId, requestId, trace, socket, rate, nowMs, maxBufferBytes, events })
    const session = membership.begin({ id: deps.newId(), connectionId, rooms: [] }, connection, roomLog.position)
    connections.add(connection)
    connection.slot = wheel.add(connection)
    meter.opened()
    speech.send(connection, 'connection_established', {
      connectionId,
      heartbeatIntervalMs: config.HEARTBEAT_INTERVAL,
      connectionTimeoutMs: config.CONNECTION_TIMEOUT,
      resumeToken: deps.tokenFor(session.id),
      seq: session.seq,
      limits: {
        maxFrameBytes: config.MAX_FRAME_BYTES,
        messagesPerSecond: config.MAX_MESSAGES_PER_SECOND,
        maxRooms: config.MAX_ROOMS_PER_CONNECTION,
        sendBufferBytes: config.MAX_SEND_BUFFER_BYTES,
      },
    })
    const traced = span && { [fields.traceId]: span.traceId, [fields.spanId]: span.spanId }
    log.info({ connectionId, requestId, connections: connections.size, ...traced }, 'connection opened')
    return connection
  }

  function closed(connection: Connection, code: number): void {
    if (!connections.delete(connection)) return
    wheel.remove(connection, connection.slot)
    if (connection.told !== null) told[connection.told]--
    const cause = connection.closing ?? causeOfCode(code)
    const seconds = (clock.steady() - connection.openedAtMs) / 1000
    // What we closed with counts, not what came back; a code that is not ours to name counts as one of many.
    const counted = closeCodes[cause].code
    meter.closed(cause, counted, seconds)
    // A client that said it is done does not come back; neither does one that we sent away for good.
    membership.detach(connection, closeCodes[cause].comeBack)
    const { id: connectionId, requestId } = connection
    log.info({ connectionId, requestId, code: cause === 'other' ? code : counted, cause, seconds }, 'connection closed')
  }

  function tick(): void {
    const nowMs = clock.steady()
    deps.sessions.tick(nowMs)
    history.expire(clock.now())
    if (roomLog.healthy()) provisional.clear()
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
          // Now and then, so that a store that others share does not take the session for a forgotten one.
          if (deps.sessions.shared) void membership.save(connection.session)
          break
        case 'nothing':
      }
    }
  }

  const sayGoodbye: Hub['sayGoodbye'] = ({ count, windowMs, reason, random }) => {
    let left = count
    for (const connection of connections) {
      if (left <= 0) break
      // Who was asked to go for a better balance is told once more, when there is no staying.
      if (connection.told === reason || connection.told === 'draining') continue
      if (connection.told !== null) told[connection.told]--
      connection.told = reason
      told[reason]++
      left--
      meter.goodbye(reason)
      speech.send(connection, 'goodbye', {
        reason,
        comeBackInMs: Math.floor(random() * windowMs),
        windowMs,
        resumeToken: deps.tokenFor(connection.session.id),
      })
    }
    return count - left
  }

  return {
    ...createInbox({
      ...deps,
      speech,
      membership,
      provisional,
      isOpen: (connection) => connections.has(connection) && connection.closing === null,
    }),
    get size() {
      return connections.size
    },
    get told() {
      return told.draining
    },
    get leaving() {
      return told.draining + told.rebalancing
    },
    rooms: membership.rooms,
    roomEvents,
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
