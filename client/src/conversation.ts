/** Handles a session's requests, rooms and acknowledgements, regardless of which connection carries them. Pure. */
import type { ClientMessageType } from '../../contract/src/messages.ts'
import { Pace } from './backoff.ts'
import type { Link } from './link.ts'
import type { Report } from './report.ts'
import { type Request, type RequestFields, Requests } from './requests.ts'
import { Rooms } from './rooms.ts'
import type { RequestKind } from './types.ts'
import {
  type Incoming,
  type Response,
  type Resumed,
  type RoomFrame,
  type RoomJoined,
  type RoomLeft,
  type ServerError,
  utf8Bytes,
} from './wire.ts'

export interface ConversationOptions {
  /** Prefix of this client's request ids. Each client must have its own request-id prefix. */
  idPrefix: string
  maxUnanswered: number
  answerTimeoutMs: number
  ackEvery: number
  ackAfterMs: number
}

const never = Number.POSITIVE_INFINITY

export class Conversation {
  private readonly options: ConversationOptions
  private readonly report: Report
  private readonly rooms = new Rooms()
  private readonly requests: Requests
  private readonly pace = new Pace()
  /** Responses to join requests whose first history message has not arrived yet, keyed by room. */
  private readonly joining = new Map<string, RoomJoined>()
  private unacked = 0
  private ackedSeq = 0
  private ackAtMs = never
  private overdueAtMs = never

  constructor(options: ConversationOptions, report: Report) {
    this.options = options
    this.report = report
    this.requests = new Requests(options.idPrefix, options.maxUnanswered)
  }

  get unanswered(): number {
    return this.requests.size
  }

  /** Sequence number up to which this client has received all room messages. */
  get lastSeq(): number {
    return this.rooms.lastSeq
  }

  /** Queues a request for `flush` to send. Returns its id. Throws if too many requests are awaiting a response. */
  request(kind: RequestKind, fields: RequestFields, nowMs: number): string {
    const { id } = this.requests.make(kind, fields, nowMs)
    this.report.stats.sent += 1
    return id
  }

  /** Starts a new session on the new connection. @param seq the last sequence number in the room log when the session began */
  begin(link: Link, seq: number, nowMs: number): void {
    this.restart(link, nowMs)
    for (const event of this.rooms.fresh(seq)) this.report.emit(event)
    this.enterAgain(nowMs)
  }

  /** Continues the previous session on the new connection. */
  resume(link: Link, { replayed, rooms, seq }: Resumed, nowMs: number): void {
    this.restart(link, nowMs)
    this.rooms.resumed(replayed, rooms, seq)
    this.enterAgain(nowMs)
  }

  /** Sends as many queued requests as the server's rate limit currently allows. */
  flush(link: Link, nowMs: number): void {
    for (let request = this.requests.next(); request !== undefined; request = this.requests.next()) {
      const bytes = utf8Bytes(request.text)
      if (bytes > link.maxFrameBytes) {
        this.refused(request, 'frame_too_large', `${bytes} bytes; allowed: ${link.maxFrameBytes}.`)
        continue
      }
      if (!this.pace.take(nowMs)) return
      if (request.sends > 0) this.report.stats.resent += 1
      this.requests.sent(nowMs)
      this.write(link, request.text, nowMs)
    }
  }

  /** Sends a message immediately, even if the client then exceeds its own rate limit for outgoing messages. */
  send(link: Link, type: ClientMessageType, fields: object, nowMs: number): void {
    this.pace.spend(nowMs)
    this.write(link, JSON.stringify({ type, ...fields }), nowMs)
  }

  /** Acknowledges received messages if an acknowledgement is due, requeues overdue requests and sends queued requests. */
  tick(link: Link, nowMs: number): void {
    if (nowMs >= this.ackAtMs) this.ack(link, nowMs)
    if (nowMs >= this.overdueAtMs) {
      const next = this.requests.overdue(nowMs, this.options.answerTimeoutMs)
      this.overdueAtMs = Math.min(next, nowMs + this.options.answerTimeoutMs)
    }
    this.flush(link, nowMs)
  }

  /** Returns the time at which `tick` must be called again, in milliseconds on the same clock as `nowMs`. */
  nextAtMs(): number {
    const due = Math.min(this.ackAtMs, this.overdueAtMs)
    return this.requests.next() === undefined ? due : Math.min(due, this.pace.nextAtMs())
  }

  /** Handles a message received on the connection that carries the session. */
  receive(link: Link, message: Incoming, nowMs: number): void {
    if (message.type === 'room_message') this.roomMessage(link, message, nowMs)
    else if (message.type === 'message_response') this.answered(message, nowMs)
    else if (message.type === 'room_joined') this.roomJoined(message, nowMs)
    else if (message.type === 'room_left') this.roomLeft(message, nowMs)
    else if (message.type === 'resume_gap') this.report.emit(this.rooms.gap(message.room, message.from, message.to))
    else if (message.type === 'heartbeat') this.rooms.sentUpTo(message.seq ?? 0)
    else if (message.type === 'error') this.failed(message, nowMs)
  }

  private roomMessage(link: Link, frame: RoomFrame, nowMs: number): void {
    const { events, completed } = this.rooms.receive(frame)
    const joined = this.joining.get(frame.room)
    if (completed && joined !== undefined) {
      this.joining.delete(frame.room)
      this.answered(joined, nowMs)
    }
    for (const event of events) this.report.emit(event)
    if (frame.seq === undefined) return
    this.unacked += 1
    if (this.unacked >= this.options.ackEvery) this.ack(link, nowMs)
    else this.ackAtMs = Math.min(this.ackAtMs, nowMs + this.options.ackAfterMs)
  }

  private roomJoined(message: RoomJoined, nowMs: number): void {
    if (this.rooms.joined(message.room, message.seq, message.history)) this.answered(message, nowMs)
    else this.joining.set(message.room, message)
  }

  private roomLeft(message: RoomLeft, nowMs: number): void {
    this.rooms.left(message.room)
    this.answered(message, nowMs)
  }

  private answered(message: Response | RoomJoined | RoomLeft, nowMs: number): void {
    const request = this.requests.get(message.id)
    if (request === undefined) return
    const { stored, seq, duplicate, data, members } = message as Partial<Omit<Response, 'type'> & Omit<RoomLeft, 'type'>>
    if (stored === false) {
      // The caller is notified of at most one provisional response per request; the final response follows later.
      if (request.provisional) return
      request.provisional = true
    } else this.requests.settle(request)
    if (request.internal) return
    const tookMs = nowMs - request.madeAtMs
    if (stored !== false) this.report.stats.answered += 1
    if (request.sends === 1) this.report.stats.rttMs = nowMs - (request.sentAtMs ?? nowMs)
    this.report.emit({
      type: 'answered',
      id: request.id,
      request: request.kind,
      room: request.room,
      tookMs,
      sends: request.sends,
      replica: message.replica,
      ...(data !== undefined && { data }),
      ...(stored !== undefined && { stored }),
      ...(seq !== undefined && { seq }),
      ...(duplicate && { duplicate }),
      ...(members !== undefined && { members }),
    })
  }

  private failed({ id, code, message, replica }: ServerError, nowMs: number): void {
    const request = this.requests.get(id)
    if (request === undefined) {
      this.report.emit({ type: 'error', code, text: message })
      return
    }
    // The client resends a rate-limited request after the response timeout. A request with a provisional response remains pending.
    if (code === 'rate_limited' || (code === 'rooms_unavailable' && request.provisional)) return
    const { room } = request
    if (request.kind === 'leave' && code === 'not_in_room' && request.sends > 1 && room !== undefined) {
      this.roomLeft({ type: 'room_left', id: request.id, room, members: 0, replica }, nowMs)
      return
    }
    if (request.kind === 'join' && request.internal && room !== undefined) this.rooms.left(room)
    this.refused(request, code, message)
  }

  private refused(request: Request, code: ServerError['code'], text: string): void {
    this.requests.settle(request)
    this.report.emit({ type: 'refused', id: request.id, request: request.kind, room: request.room, code, text })
  }

  private restart(link: Link, nowMs: number): void {
    this.joining.clear()
    this.requests.restart()
    this.pace.restart(link.messagesPerSecond, nowMs)
    // The resume message counts towards the server's rate limit, so it takes a token from the client's token bucket.
    this.pace.spend(nowMs)
    this.overdueAtMs = nowMs + this.options.answerTimeoutMs
  }

  /** Rejoins the rooms that are missing from the server's session. */
  private enterAgain(nowMs: number): void {
    for (const { room, since } of this.rooms.outside()) this.requests.make('join', { room, since }, nowMs, true)
  }

  private ack(link: Link, nowMs: number): void {
    const seq = this.rooms.lastSeq
    this.unacked = 0
    this.ackAtMs = never
    if (seq <= this.ackedSeq) return
    this.ackedSeq = seq
    this.send(link, 'ack', { seq }, nowMs)
  }

  private write(link: Link, text: string, nowMs: number): void {
    link.sent(nowMs)
    this.report.act({ do: 'send', connection: link.number, text })
    this.report.frame('out', link.number, text)
  }
}
