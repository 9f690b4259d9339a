/** What a session says and hears, over whichever connection has it at the time: requests, rooms, acknowledgements. Pure. */
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
  /** Makes ids of requests unlike those of any other client. */
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
  /** Joins whose answer has come, but nothing yet of the history that belongs to it. By room. */
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

  /** Place up to which nothing need be sent to us again. */
  get lastSeq(): number {
    return this.rooms.lastSeq
  }

  /** Makes a request; `flush` sends it. Throws when too many wait. Returns its id. */
  request(kind: RequestKind, fields: RequestFields, nowMs: number): string {
    const { id } = this.requests.make(kind, fields, nowMs)
    this.report.stats.sent += 1
    return id
  }

  /** A session begins at this connection. @param seq where its log is */
  begin(link: Link, seq: number, nowMs: number): void {
    this.restart(link, nowMs)
    for (const event of this.rooms.fresh(seq)) this.report.tell(event)
    this.enterAgain(nowMs)
  }

  /** The session of before goes on at this connection. */
  resume(link: Link, { replayed, rooms, seq }: Resumed, nowMs: number): void {
    this.restart(link, nowMs)
    this.rooms.resumed(replayed, rooms, seq)
    this.enterAgain(nowMs)
  }

  /** Sends what may be sent now. */
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

  /** Sends something that does not wait for its turn. */
  send(link: Link, type: ClientMessageType, fields: object, nowMs: number): void {
    this.pace.spend(nowMs)
    this.write(link, JSON.stringify({ type, ...fields }), nowMs)
  }

  /** Does what is due. */
  tick(link: Link, nowMs: number): void {
    if (nowMs >= this.ackAtMs) this.ack(link, nowMs)
    if (nowMs >= this.overdueAtMs) {
      const next = this.requests.overdue(nowMs, this.options.answerTimeoutMs)
      this.overdueAtMs = Math.min(next, nowMs + this.options.answerTimeoutMs)
    }
    this.flush(link, nowMs)
  }

  /** When `tick` or `flush` has something to do. */
  nextAtMs(): number {
    const due = Math.min(this.ackAtMs, this.overdueAtMs)
    return this.requests.next() === undefined ? due : Math.min(due, this.pace.nextAtMs())
  }

  /** Takes what has come over the connection that has the session. */
  receive(link: Link, message: Incoming, nowMs: number): void {
    if (message.type === 'room_message') this.roomMessage(link, message, nowMs)
    else if (message.type === 'message_response') this.answered(message, nowMs)
    else if (message.type === 'room_joined') this.roomJoined(message, nowMs)
    else if (message.type === 'room_left') this.roomLeft(message, nowMs)
    else if (message.type === 'resume_gap') this.report.tell(this.rooms.gap(message.room, message.from, message.to))
    else if (message.type === 'error') this.failed(message, nowMs)
  }

  private roomMessage(link: Link, frame: RoomFrame, nowMs: number): void {
    const { events, completed } = this.rooms.receive(frame)
    const joined = this.joining.get(frame.room)
    if (completed && joined !== undefined) {
      this.joining.delete(frame.room)
      this.answered(joined, nowMs)
    }
    for (const event of events) this.report.tell(event)
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
      // Said once; the answer that counts is still to come.
      if (request.provisional) return
      request.provisional = true
    } else this.requests.settle(request)
    if (request.internal) return
    const tookMs = nowMs - request.madeAtMs
    if (stored !== false) this.report.stats.answered += 1
    if (request.sends === 1) this.report.stats.rttMs = nowMs - (request.sentAtMs ?? nowMs)
    this.report.tell({
      ...{ type: 'answered', id: request.id, request: request.kind, room: request.room, tookMs, sends: request.sends },
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
      this.report.tell({ type: 'error', code, text: message })
      return
    }
    // Not looked at, or kept elsewhere all the same: it is sent again when its time is over.
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
    this.report.tell({ type: 'refused', id: request.id, request: request.kind, room: request.room, code, text })
  }

  private restart(link: Link, nowMs: number): void {
    this.rooms.lost()
    this.joining.clear()
    this.requests.restart()
    this.pace.restart(link.messagesPerSecond, nowMs)
    // The resume was one already.
    this.pace.spend(nowMs)
    this.overdueAtMs = nowMs + this.options.answerTimeoutMs
  }

  /** Rooms that the session at the server is not in are joined again, from where we are. */
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
