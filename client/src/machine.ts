/**
 * What the client does: connects, resumes, moves, comes back. A state machine without sockets, timers or clocks: what
 * happens is passed in together with the time, and what to do comes out of `actions`.
 */
import { closeCodes } from '../../contract/src/close-codes.ts'
import type { ErrorCode } from '../../contract/src/messages.ts'
import type { GoodbyeReason } from '../../contract/src/metrics.ts'
import { type BackoffPlan, backoffMs } from './backoff.ts'
import { Conversation, type ConversationOptions } from './conversation.ts'
import { Link } from './link.ts'
import { type Action, Report } from './report.ts'
import type { RequestFields } from './requests.ts'
import type { CloseWhy, RequestKind } from './types.ts'
import { type Goodbye, type Greeting, type Incoming, readFrame } from './wire.ts'

export interface MachineOptions extends ConversationOptions {
  backoff: BackoffPlan
  stableMs: number
  connectTimeoutMs: number
  trace: boolean
  random: () => number
}

/** A connection given up while it was taking the session over may still do so, and so take it from its successor. Milliseconds. */
const lateTakeoverMs = 60_000
const never = Number.POSITIVE_INFINITY

export class Machine {
  readonly report: Report
  private readonly options: MachineOptions
  private readonly talk: Conversation
  private dials = 0
  /** The connection that has the session, and one that is about to take it over. */
  private current: Link | undefined
  private next: Link | undefined
  private token: string | undefined
  private dialAtMs = never
  /** Why we were told to go; another replica is wanted. */
  private told: GoodbyeReason | undefined
  private failures = 0
  private takeoverGivenUpAtMs = Number.NEGATIVE_INFINITY

  constructor(options: MachineOptions) {
    this.options = options
    this.report = new Report(options.trace)
    this.talk = new Conversation(options, this.report)
  }

  get closed(): boolean {
    return this.report.state.word === 'closed'
  }

  /** What to do now, in this order. Each is returned once. */
  actions(): Action[] {
    this.report.stats.unanswered = this.talk.unanswered
    return this.report.takeActions()
  }

  /** When `tick` has something to do. Milliseconds by the clock that is passed in; infinite when there is nothing to wait for. */
  nextAtMs(): number {
    if (this.closed) return never
    const deadline = this.next === undefined ? never : this.next.dialledAtMs + this.options.connectTimeoutMs
    const life = this.current?.nextCheckMs() ?? never
    return Math.min(this.dialAtMs, deadline, life, this.speaker === undefined ? never : this.talk.nextAtMs())
  }

  start(nowMs: number): void {
    this.dial(nowMs)
  }

  /** Makes a request, which is sent as soon as it can be. Throws when too many wait, or after the end. Returns its id. */
  request(kind: RequestKind, fields: RequestFields, nowMs: number): string {
    if (this.closed) throw new Error(`${kind}: the client is closed`)
    const id = this.talk.request(kind, fields, nowMs)
    this.flush(nowMs)
    return id
  }

  opened(connection: number, nowMs: number): void {
    const { next } = this
    if (next?.number !== connection || next.phase !== 'dialling') return
    next.phase = 'greeting'
    this.report.tell({ type: 'opened', connection, tookMs: nowMs - next.dialledAtMs })
  }

  /** Takes a frame of one of our connections. */
  frame(connection: number, text: unknown, nowMs: number): void {
    const link = this.linkOf(connection)
    if (link === undefined) return
    link.heard(nowMs)
    if (typeof text === 'string') this.report.frame('in', connection, text)
    const message = readFrame(text)
    if (message === undefined) this.report.tell({ type: 'error', code: undefined, text: 'a frame that is no message we know' })
    else this.receive(link, message, nowMs)
    this.flush(nowMs)
  }

  /** A socket is closed, or could not be opened. */
  socketClosed(connection: number, code: number, reason: string, nowMs: number): void {
    const link = this.linkOf(connection)
    if (link === undefined) return
    const only = link === this.current || this.current === undefined
    if (only && this.isFinal(code, nowMs)) {
      this.gone(link, code, reason, 'remote')
      if (this.next !== undefined) this.hangUp(this.next, 'left')
      this.end(reason, code)
    } else this.lost(link, code, reason, code === closeCodes.replaced.code ? 'moved' : 'remote', nowMs)
  }

  /** Does what is due. */
  tick(nowMs: number): void {
    if (this.closed) return
    const { next } = this
    if (next !== undefined && nowMs >= next.dialledAtMs + this.options.connectTimeoutMs) this.giveUp(next, 'connect_timeout', nowMs)
    const life = this.current?.check(nowMs)
    if (this.current !== undefined && life === 'ask') {
      this.current.asked(nowMs)
      this.talk.send(this.current, 'heartbeat', {}, nowMs)
    } else if (this.current !== undefined && life === 'dead') {
      this.report.stats.halfOpen += 1
      this.giveUp(this.current, 'half_open', nowMs)
    }
    if (nowMs >= this.dialAtMs) this.dial(nowMs)
    if (this.speaker !== undefined) this.talk.tick(this.speaker, nowMs)
  }

  /** Cuts the connection, which comes back. */
  drop(nowMs: number): void {
    if (this.next !== undefined) this.giveUp(this.next, 'moved', nowMs)
    if (this.current !== undefined) this.giveUp(this.current, 'moved', nowMs)
  }

  /** Ends the session. */
  close(): void {
    if (this.closed) return
    if (this.next !== undefined) this.hangUp(this.next, 'left')
    if (this.current !== undefined) this.hangUp(this.current, 'left')
    this.end('left', closeCodes.normal.code)
  }

  private receive(link: Link, message: Incoming, nowMs: number): void {
    if (message.type === 'connection_established') this.greeted(link, message, nowMs)
    else if (link.phase === 'resuming') this.takeOver(link, message, nowMs)
    // What comes of a connection that has not got the session is no concern of ours.
    else if (link === this.current && message.type === 'goodbye') this.goodbye(message, nowMs)
    else if (link === this.current) this.talk.receive(link, message, nowMs)
  }

  /** What comes while a new connection takes the session over. */
  private takeOver(link: Link, message: Incoming, nowMs: number): void {
    if (message.type === 'resumed') {
      this.attach(link, message.connectionId, message.resumeToken, nowMs, { how: 'resumed', replayed: message.replayed })
      this.talk.resume(link, message, nowMs)
    } else if (message.type === 'error' && message.code.startsWith('resume_')) this.begin(link, nowMs, message.code)
  }

  private greeted(link: Link, message: Greeting, nowMs: number): void {
    if (link !== this.next || link.phase !== 'greeting') return
    link.greeted(message)
    if (this.token === undefined) {
      this.begin(link, nowMs)
      return
    }
    link.phase = 'resuming'
    this.talk.send(link, 'resume', { token: this.token, lastSeq: this.talk.lastSeq }, nowMs)
  }

  /** The session that the server began with this connection is ours now. */
  private begin(link: Link, nowMs: number, refused?: ErrorCode): void {
    const { greeting } = link
    if (greeting === undefined) return
    this.attach(link, greeting.connectionId, greeting.resumeToken, nowMs, { how: 'fresh', replayed: 0, ...(refused && { refused }) })
    this.talk.begin(link, greeting.seq, nowMs)
  }

  /** From here on the session is at this connection. */
  private attach(
    link: Link,
    connectionId: string,
    token: string,
    nowMs: number,
    how: { how: 'fresh' | 'resumed'; replayed: number; refused?: ErrorCode },
  ): void {
    const { report } = this
    this.next = undefined
    if (this.current !== undefined) this.hangUp(this.current, 'moved')
    this.current = link
    this.token = token
    this.told = undefined
    this.dialAtMs = never
    link.phase = 'ready'
    link.readyAtMs = nowMs
    const replica = link.greeting?.replica ?? ''
    const before = report.state.replica
    report.tell({ type: 'attached', connection: link.number, replica, connectionId, ...how })
    const movedFrom = before !== undefined && before !== replica ? before : report.state.movedFrom
    report.become({ word: 'open', replica, movedFrom, connectionId, attempt: 0, reason: how.refused ?? how.how })
  }

  private goodbye({ reason, comeBackInMs, resumeToken, replica }: Goodbye, nowMs: number): void {
    this.token = resumeToken
    this.told = reason
    this.report.tell({ type: 'goodbye', reason, comeBackInMs, replica })
    if (this.next === undefined) this.dialAtMs = nowMs + comeBackInMs
    this.report.become({ word: 'leaving', nextTryInMs: comeBackInMs, reason })
  }

  private dial(nowMs: number): void {
    this.dialAtMs = never
    this.dials += 1
    this.next = new Link(this.dials, nowMs)
    this.report.tell({ type: 'dialling', connection: this.dials })
    this.report.act({ do: 'dial', connection: this.dials, away: this.told })
    if (this.current === undefined) this.report.become({ word: 'connecting' })
  }

  /** We end a connection, and come back. */
  private giveUp(link: Link, why: CloseWhy, nowMs: number): void {
    const { code, reason } = why === 'moved' ? closeCodes.moving_on : closeCodes.abnormal
    this.report.act({ do: 'close', connection: link.number, ...closeCodes.moving_on, cut: why !== 'moved' })
    this.lost(link, code, reason, why, nowMs)
  }

  /** We end a connection, and need no other in its place. */
  private hangUp(link: Link, why: 'moved' | 'left'): void {
    const { code, reason } = why === 'moved' ? closeCodes.moving_on : closeCodes.normal
    this.report.act({ do: 'close', connection: link.number, code, reason, cut: false })
    this.gone(link, code, reason, why)
  }

  /** A connection is over, and another one is needed. */
  private lost(link: Link, code: number, reason: string, why: CloseWhy, nowMs: number): void {
    if (link.phase === 'resuming') this.takeoverGivenUpAtMs = nowMs
    const lasted = link === this.current ? nowMs - link.readyAtMs : 0
    this.gone(link, code, reason, why)
    if (lasted >= this.options.stableMs) this.failures = 0
    // Another one is under way, or was about to be.
    if (this.next !== undefined) {
      this.report.become({ word: 'connecting', closeCode: code, reason: reason || why })
      return
    }
    const waitMs = backoffMs(this.options.backoff, this.failures, this.options.random())
    this.failures += 1
    this.dialAtMs = nowMs + waitMs
    const word = this.current === undefined ? 'waiting' : 'leaving'
    this.report.become({ word, attempt: this.failures, nextTryInMs: waitMs, closeCode: code, reason: reason || why })
  }

  private gone(link: Link, code: number, reason: string, why: CloseWhy): void {
    if (link === this.current) this.current = undefined
    if (link === this.next) this.next = undefined
    const opened = link.phase !== 'dialling'
    this.report.tell({ type: 'closed', connection: link.number, opened, code, reason, why, replica: link.greeting?.replica })
  }

  private end(reason: string, closeCode: number): void {
    this.dialAtMs = never
    this.report.become({ word: 'closed', reason, closeCode })
  }

  /** Whether the server wants us not to come back. A session that went to another connection of ours is no such case. */
  private isFinal(code: number, nowMs: number): boolean {
    const ours = this.next?.phase === 'resuming' || nowMs - this.takeoverGivenUpAtMs < lateTakeoverMs
    if (code === closeCodes.replaced.code && ours) return false
    return Object.values(closeCodes).some((known) => known.code === code && !known.comeBack)
  }

  /** The connection that may be spoken over: not while another one takes the session over. */
  private get speaker(): Link | undefined {
    return this.next?.phase === 'resuming' ? undefined : this.current
  }

  private flush(nowMs: number): void {
    if (this.speaker !== undefined) this.talk.flush(this.speaker, nowMs)
  }

  private linkOf(connection: number): Link | undefined {
    if (this.current?.number === connection) return this.current
    return this.next?.number === connection ? this.next : undefined
  }
}
