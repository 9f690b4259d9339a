/**
 * Manages this replica's connections: opening, heartbeats, closing, and requests to reconnect. Messages from clients are handled in
 * inbox.ts. The hub does not access sockets, timers or processes directly: sockets implement the interface in connection.ts, `Clock`
 * provides the time, and the caller uses a timer to call `tick`.
 */
import { type CloseCause, causeOfCode, closeCodes } from '@lab/contract/close-codes.ts'
import type { GoodbyeReason } from '@lab/contract/metrics.ts'
import { fields } from '@lab/contract/telemetry.ts'
import type { Claim } from './ahead.ts'
import { overLimit } from './budgets.ts'
import { Connection, type Socket } from './connection.ts'
import { createEncoder, placedEnd } from './encode.ts'
import type { Handling } from './handlers.ts'
import { planWheel, visit, Wheel } from './heartbeat.ts'
import { createInbox, type Inbox } from './inbox.ts'
import { RateLimit } from './limits.ts'
import { type HubSession, Membership } from './membership.ts'
import { Provisional } from './provisional.ts'
import type { RoomDraft, RoomLogEvents, RoomMessage } from './room-log.ts'
import type { Rooms } from './rooms.ts'
import { sendMessage } from './send.ts'
import { claimOf } from './sessions.ts'
import { connectionTrace, type Span } from './telemetry/tracer.ts'
import { textFrame } from './text-frame.ts'

/** The hub's dependencies. The message handlers' remaining dependencies, such as the encoder, are created by the hub itself. */
export type HubDeps = Omit<Handling, 'encoder' | 'membership' | 'provisional' | 'isOpen'> & { replica: string; version: string }

/** The data that identifies a socket. */
interface Who {
  connectionId: string
  requestId: string
  /** The upgrade's trace span, if the upgrade is traced. */
  span?: Span | undefined
}

export interface Hub extends Inbox {
  /** Number of connections that are open or closing. */
  readonly size: number
  /** Returns how many of the current connections were asked to reconnect for the given reason, or for any reason if none is given. */
  askedToReconnect(reason?: GoodbyeReason): number
  /** Handles room log events: sends each room message to the room's members on this replica. */
  readonly roomEvents: RoomLogEvents
  readonly rooms: Rooms<HubSession>
  /** Registers a socket that has just opened. */
  open(socket: Socket, who: Who): Connection
  /** Removes a socket that has closed. @param code the close code that the socket reports */
  closed(connection: Connection, code: number): void
  /** Performs one tick of the heartbeat wheel: pings connections that are due, and closes dead and idle connections. */
  tick(): void
  /** Interval between two ticks of the heartbeat wheel, in milliseconds. */
  readonly tickMs: number
  /**
   * For each resource whose total use exceeds its limit, closes the connections that use the most of it. Call this method about ten times
   * per second.
   */
  enforceLimits(): void
  /**
   * Asks up to `count` connections to reconnect within `windowMs`. Each client is asked to reconnect at most once per reason. Returns the
   * number of current connections that were asked to reconnect.
   */
  sayGoodbye(goodbye: { count: number; windowMs: number; reason: GoodbyeReason; random: () => number }): number
  closeAll(cause: CloseCause): void
  /** Terminates all sockets without a closing handshake. */
  terminateAll(): void
}

export function createHub(deps: HubDeps): Hub {
  const { config, clock, meter, log, tracer, roomLog, history } = deps
  /** The open connections, each with its slot in the heartbeat wheel. */
  const connections = new Map<Connection, number>()
  const wheelPlan = planWheel(config.HEARTBEAT_INTERVAL, config.CONNECTION_TIMEOUT)
  const wheel = new Wheel<Connection>(wheelPlan.slots)
  const encoder = createEncoder(deps.replica, clock)
  const provisional = new Provisional()
  const membership = new Membership(deps.sessions, deps.presence, deps.mostRooms)
  const events = { sent: meter.sent, tooSlow }
  /** Sequence number up to which this replica has read the log. */
  let readSeq = 0
  const asked: Record<GoodbyeReason, number> = { draining: 0, rebalancing: 0 }

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
      const message = { room, seq, frame: textFrame(head, placedEnd(seq, offset)) }
      history.add(message, nowMs)
      provisional.stored(head)
      // The client is informed of the gap before it receives the new message, because the log may not contain the messages that it received
      // earlier.
      for (const [session, claim] of membership.ahead.read(seq)) reportMissing(session, claim, { seq: readSeq, nextSeq: seq })
      readSeq = seq
      for (const member of members) member.deliver(room, message)
      span?.end()
    },
    onProvisional({ room, head }: RoomDraft): void {
      const frame = provisional.add({ room, head })
      for (const member of membership.rooms.of(room)) member.connection.sendFrame('room_message', frame)
    },
    onLost(upToSeq: number, backTo?: number): void {
      history.lose(upToSeq)
      const before = readSeq
      readSeq = Math.max(readSeq, upToSeq)
      let notified = 0
      const notify = (session: HubSession, from: number, room?: string) => {
        notified++
        sendMessage(encoder, session.connection, 'resume_gap', { room, from, to: upToSeq })
      }
      // If neither the session nor this replica has a sequence number yet, the client's claim for a room determines where the loss reported
      // for that room begins.
      for (const [session, { room, seq }] of membership.ahead.lost(upToSeq)) {
        if (room !== undefined && seq < upToSeq && session.seq === 0 && before === 0) notify(session, seq + 1, room)
      }
      for (const { session } of connections.keys()) {
        if (session.seq >= upToSeq) continue
        const after = backTo ?? Math.max(session.seq, before)
        session.seq = upToSeq
        // If neither the session nor this replica has a sequence number yet, the lost messages count as older than the session, so the loss
        // is not reported.
        if (after > 0) notify(session, after + 1)
      }
      if (notified > 0) log.error({ upToSeq, backTo, notified }, 'room messages lost: the store no longer has them')
    },
    onEnd(lastSeq: number, nextSeq: number): void {
      for (const [session, claim] of membership.ahead.ends(lastSeq)) reportMissing(session, claim, { seq: lastSeq, nextSeq })
    },
  }

  /**
   * Reports a gap to a client whose last sequence number is missing from the log, which happens when the store has restarted with older
   * data.
   * @param at the two adjacent sequence numbers in the log between which messages are missing
   */
  function reportMissing(session: HubSession, { room, seq }: Claim, at: { seq: number; nextSeq: number }): void {
    if (room !== undefined) session.ahead.delete(room)
    else if (session.seq === seq) session.seq = at.seq
    // The reported gap includes the client's sequence number, because the client may not have received every message between the loss and
    // that number.
    const to = Math.max(seq, at.nextSeq - 1)
    sendMessage(encoder, session.connection, 'resume_gap', { room, from: at.seq + 1, to })
    log.error(
      { connectionId: session.connectionId, room, seq, lastSeq: at.seq },
      'a client is ahead of the log: the store has lost messages',
    )
  }

  function open(socket: Socket, { connectionId, requestId, span }: Who): Connection {
    const nowMs = clock.steady()
    const rate = new RateLimit(config.MAX_MESSAGES_PER_SECOND, nowMs)
    const maxBufferBytes = config.MAX_SEND_BUFFER_BYTES
    const trace = connectionTrace(span)
    const begin = (made: Connection) => membership.begin({ id: deps.newId(), connectionId, rooms: [] }, made, roomLog.position)
    const connection = new Connection({ id: connectionId, requestId, trace, socket, rate, nowMs, maxBufferBytes, events, begin })
    connections.set(connection, wheel.add(connection))
    const { session } = connection
    meter.opened()
    sendMessage(encoder, connection, 'connection_established', {
      version: deps.version,
      colour: config.LAB_COLOUR,
      connectionId,
      heartbeatIntervalMs: config.HEARTBEAT_INTERVAL,
      connectionTimeoutMs: config.CONNECTION_TIMEOUT,
      resumeToken: deps.tokenFor(claimOf(session)),
      seq: session.seq,
      limits: {
        maxFrameBytes: config.MAX_FRAME_BYTES,
        messagesPerSecond: config.MAX_MESSAGES_PER_SECOND,
        maxRooms: config.MAX_ROOMS_PER_CONNECTION,
        sendBufferBytes: config.MAX_SEND_BUFFER_BYTES,
      },
    })
    const traced = span && { [fields.traceId]: span.traceId, [fields.spanId]: span.spanId, [fields.sampledTraceId]: span.traceId }
    log.info({ connectionId, requestId, connections: connections.size, ...traced }, 'connection opened')
    return connection
  }

  function closed(connection: Connection, code: number): void {
    const slot = connections.get(connection)
    if (slot === undefined) return
    connections.delete(connection)
    wheel.remove(connection, slot)
    if (connection.reconnectReason !== null) asked[connection.reconnectReason]--
    const cause = connection.closing ?? causeOfCode(code)
    const seconds = (clock.steady() - connection.openedAtMs) / 1000
    // The close code sent by the replica is recorded, not the one received in response.
    // All unknown close codes are counted under a single code.
    const counted = closeCodes[cause].code
    meter.closed(cause, counted, seconds)
    // A client does not reconnect after a normal close, or after a close code that forbids reconnecting.
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
          connection.terminate('heartbeat_lost')
          break
        case 'idle':
          connection.close('idle')
          break
        case 'ping':
          connection.ping(nowMs)
          connection.send('heartbeat', encoder.heartbeat({}, connection.session.sentUpTo(roomLog.position)))
          // The session is saved once per heartbeat interval, so that it does not expire in a shared store.
          if (deps.sessions.shared) void membership.save(connection.session)
          break
        case 'nothing':
      }
    }
  }

  const limits: { held: (connection: Connection) => number; limit: number; cause: CloseCause }[] = [
    { held: (connection) => connection.unsentBytes, limit: config.MAX_UNSENT_BYTES, cause: 'slow_reader' },
    { held: (connection) => connection.unfinishedBytes, limit: config.MAX_UNFINISHED_BYTES, cause: 'resource_limit' },
    // The room that every session joins does not count towards the membership limit.
    { held: ({ session }) => Math.max(0, session.rooms.size - 1), limit: config.MAX_MEMBERSHIPS, cause: 'resource_limit' },
  ]

  function enforceLimits(): void {
    for (const { held, limit, cause } of limits) {
      for (const connection of overLimit(connections, held, limit)) connection.closeOrCut(cause)
    }
  }

  const sayGoodbye: Hub['sayGoodbye'] = ({ count, windowMs, reason, random }) => {
    let left = count
    for (const connection of connections.keys()) {
      if (left <= 0) break
      const before = connection.reconnectReason
      // A client that was asked to reconnect for rebalancing is asked again when the replica drains.
      if (before === reason || before === 'draining') continue
      if (before !== null) asked[before]--
      connection.askedToReconnect(reason)
      asked[reason]++
      left--
      meter.goodbye(reason)
      sendMessage(encoder, connection, 'goodbye', {
        reason,
        comeBackInMs: Math.floor(random() * windowMs),
        windowMs,
        resumeToken: deps.tokenFor(claimOf(connection.session)),
      })
    }
    return count - left
  }

  return {
    ...createInbox({
      ...deps,
      encoder,
      membership,
      provisional,
      isOpen: (connection) => connections.has(connection) && connection.closing === null,
    }),
    get size() {
      return connections.size
    },
    askedToReconnect: (reason) => (reason === undefined ? asked.draining + asked.rebalancing : asked[reason]),
    rooms: membership.rooms,
    roomEvents,
    open,
    closed,
    tick,
    tickMs: wheelPlan.tickMs,
    enforceLimits,
    sayGoodbye,
    closeAll: (cause) => {
      for (const connection of connections.keys()) connection.close(cause)
    },
    terminateAll: () => {
      for (const connection of connections.keys()) connection.terminate()
    },
  }
}
