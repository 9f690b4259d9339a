/**
 * Implements the client's state machine, which connects, resumes sessions, moves to another replica and reconnects. The state machine has
 * no sockets, timers or clocks of its own: its methods receive events with timestamps, and `actions` returns the actions to perform.
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
import { type Goodbye, type Greeting, type Incoming, readFrame, type ServerError } from './wire.ts'

export interface MachineOptions extends ConversationOptions {
  backoff: BackoffPlan
  stableMs: number
  connectTimeoutMs: number
  trace: boolean
  random: () => number
}

/**
 * How long the server may take to complete a takeover after the client has abandoned it. A late takeover makes the server close the
 * client's next connection with code 4003. Milliseconds.
 */
const lateTakeoverMs = 60_000
const never = Number.POSITIVE_INFINITY

export class Machine {
  readonly report: Report
  private readonly options: MachineOptions
  private readonly conversation: Conversation
  private dials = 0
  /** The connection that carries the session, and a new connection that has not yet taken over the session. */
  private current: Link | undefined
  private next: Link | undefined
  private token: string | undefined
  private dialAtMs = never
  /** Reason given in the server's `goodbye` message. After a `goodbye` message, the next connection should reach another replica. */
  private reconnectReason: GoodbyeReason | undefined
  private failures = 0
  private takeoverGivenUpAtMs = Number.NEGATIVE_INFINITY

  constructor(options: MachineOptions) {
    this.options = options
    this.report = new Report(options.trace)
    this.conversation = new Conversation(options, this.report)
  }

  get closed(): boolean {
    return this.report.state.word === 'closed'
  }

  /** Returns the pending actions in order; each action is returned only once. */
  actions(): Action[] {
    this.report.stats.unanswered = this.conversation.unanswered
    return this.report.takeActions()
  }

  /** Returns the time at which `tick` must be called, in milliseconds on the same clock as `nowMs`; infinity if nothing is due. */
  nextAtMs(): number {
    if (this.closed) return never
    const deadline = this.next === undefined ? never : this.next.dialledAtMs + this.options.connectTimeoutMs
    const life = this.current?.nextCheckMs() ?? never
    return Math.min(this.dialAtMs, deadline, life, this.writable === undefined ? never : this.conversation.nextAtMs())
  }

  start(nowMs: number): void {
    this.dial(nowMs)
  }

  /** Queues a request to be sent as soon as possible. Returns its id. Throws if too many requests are pending or the client is closed. */
  request(kind: RequestKind, fields: RequestFields, nowMs: number): string {
    if (this.closed) throw new Error(`${kind}: the client is closed`)
    const id = this.conversation.request(kind, fields, nowMs)
    this.flush(nowMs)
    return id
  }

  opened(connection: number, nowMs: number): void {
    const { next } = this
    if (next?.number !== connection || next.phase !== 'dialling') return
    next.phase = 'greeting'
    this.report.emit({ type: 'opened', connection, tookMs: nowMs - next.dialledAtMs })
  }

  /** Handles a frame received on one of the connections. */
  frame(connection: number, text: unknown, nowMs: number): void {
    const link = this.linkOf(connection)
    if (link === undefined) return
    link.received(nowMs)
    if (typeof text === 'string') this.report.frame('in', connection, text)
    const message = readFrame(text)
    if (message === undefined) this.report.emit({ type: 'error', code: undefined, text: 'received a frame that is not a known message' })
    else this.receive(link, message, nowMs)
    this.flush(nowMs)
  }

  /** Handles the end of a connection or a failed connection attempt. */
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

  /** Handles everything that is due: timeouts, heartbeats, reconnection attempts and requests to resend. */
  tick(nowMs: number): void {
    if (this.closed) return
    const { next } = this
    if (next !== undefined && nowMs >= next.dialledAtMs + this.options.connectTimeoutMs) this.giveUp(next, 'connect_timeout', nowMs)
    const life = this.current?.check(nowMs)
    if (this.current !== undefined && life === 'ask') {
      this.current.asked(nowMs)
      this.conversation.send(this.current, 'heartbeat', {}, nowMs)
    } else if (this.current !== undefined && life === 'dead') {
      this.report.stats.halfOpen += 1
      this.giveUp(this.current, 'half_open', nowMs)
    }
    if (nowMs >= this.dialAtMs) this.dial(nowMs)
    if (this.writable !== undefined) this.conversation.tick(this.writable, nowMs)
  }

  /** Closes the connection and reconnects. */
  drop(nowMs: number): void {
    if (this.next !== undefined) this.giveUp(this.next, 'moved', nowMs)
    if (this.current !== undefined) this.giveUp(this.current, 'moved', nowMs)
  }

  /** Ends the session permanently. */
  close(): void {
    if (this.closed) return
    if (this.next !== undefined) this.hangUp(this.next, 'left')
    if (this.current !== undefined) this.hangUp(this.current, 'left')
    this.end('left', closeCodes.normal.code)
  }

  private receive(link: Link, message: Incoming, nowMs: number): void {
    if (message.type === 'connection_established') this.greeted(link, message, nowMs)
    else if (link.phase === 'resuming') this.takeOver(link, message, nowMs)
    // The client ignores messages on a connection that does not carry the session.
    else if (link === this.current && message.type === 'goodbye') this.goodbye(message, nowMs)
    else if (link === this.current) this.conversation.receive(link, message, nowMs)
  }

  /** Handles the response to a resume request. */
  private takeOver(link: Link, message: Incoming, nowMs: number): void {
    if (message.type === 'resumed') {
      this.attach(link, message.connectionId, message.resumeToken, nowMs, { how: 'resumed', replayed: message.replayed })
      this.conversation.resume(link, message, nowMs)
    } else if (message.type === 'error' && message.code.startsWith('resume_')) this.begin(link, nowMs, message)
  }

  private greeted(link: Link, message: Greeting, nowMs: number): void {
    if (link !== this.next || link.phase !== 'greeting') return
    link.greeted(message)
    if (this.token === undefined) {
      this.begin(link, nowMs)
      return
    }
    link.phase = 'resuming'
    this.conversation.send(link, 'resume', { token: this.token, lastSeq: this.conversation.lastSeq }, nowMs)
  }

  /** Adopts the new session that the server started on this connection. */
  private begin(link: Link, nowMs: number, refusal?: ServerError): void {
    const { greeting } = link
    if (greeting === undefined) return
    const token = refusal?.resumeToken ?? greeting.resumeToken
    this.attach(link, greeting.connectionId, token, nowMs, { how: 'fresh', replayed: 0, ...(refusal && { refused: refusal.code }) })
    this.conversation.begin(link, greeting.seq, nowMs)
  }

  /** Moves the session to this connection. */
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
    this.reconnectReason = undefined
    this.dialAtMs = never
    link.phase = 'ready'
    link.readyAtMs = nowMs
    const { replica = '', version, colour } = link.greeting ?? {}
    const before = report.state.replica
    report.emit({ type: 'attached', connection: link.number, replica, version, colour, connectionId, ...how })
    const movedFrom = before !== undefined && before !== replica ? before : report.state.movedFrom
    report.become({ word: 'open', replica, movedFrom, connectionId, attempt: 0, reason: how.refused ?? how.how })
  }

  private goodbye({ reason, comeBackInMs, resumeToken, replica }: Goodbye, nowMs: number): void {
    this.token = resumeToken
    this.reconnectReason = reason
    this.report.emit({ type: 'goodbye', reason, comeBackInMs, replica })
    if (this.next === undefined) this.dialAtMs = nowMs + comeBackInMs
    this.report.become({ word: 'leaving', nextTryInMs: comeBackInMs, reason })
  }

  private dial(nowMs: number): void {
    this.dialAtMs = never
    this.dials += 1
    this.next = new Link(this.dials, nowMs)
    this.report.emit({ type: 'dialling', connection: this.dials })
    this.report.act({ do: 'dial', connection: this.dials, away: this.reconnectReason })
    if (this.current === undefined) this.report.become({ word: 'connecting' })
  }

  /** Ends a connection and reconnects. */
  private giveUp(link: Link, why: CloseWhy, nowMs: number): void {
    const { code, reason } = why === 'moved' ? closeCodes.moving_on : closeCodes.abnormal
    this.report.act({ do: 'close', connection: link.number, ...closeCodes.moving_on, cut: why !== 'moved' })
    this.lost(link, code, reason, why, nowMs)
  }

  /** Ends a connection without opening a new one. */
  private hangUp(link: Link, why: 'moved' | 'left'): void {
    const { code, reason } = why === 'moved' ? closeCodes.moving_on : closeCodes.normal
    this.report.act({ do: 'close', connection: link.number, code, reason, cut: false })
    this.gone(link, code, reason, why)
  }

  /** Schedules the next connection attempt after a connection has ended. */
  private lost(link: Link, code: number, reason: string, why: CloseWhy, nowMs: number): void {
    if (link.phase === 'resuming') this.takeoverGivenUpAtMs = nowMs
    const lasted = link === this.current ? nowMs - link.readyAtMs : 0
    this.gone(link, code, reason, why)
    if (lasted >= this.options.stableMs) this.failures = 0
    // If another connection attempt is already in progress, no additional attempt is scheduled.
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
    this.report.emit({ type: 'closed', connection: link.number, opened, code, reason, why, replica: link.greeting?.replica })
  }

  private end(reason: string, closeCode: number): void {
    this.dialAtMs = never
    this.report.become({ word: 'closed', reason, closeCode })
  }

  /**
   * Returns whether a close code forbids the client from reconnecting. Close code 4003 is not final if another connection of this client
   * has taken over the session.
   */
  private isFinal(code: number, nowMs: number): boolean {
    const ours = this.next?.phase === 'resuming' || nowMs - this.takeoverGivenUpAtMs < lateTakeoverMs
    if (code === closeCodes.replaced.code && ours) return false
    return Object.values(closeCodes).some((known) => known.code === code && !known.comeBack)
  }

  /** The connection on which requests may be sent; undefined while a new connection is taking over the session. */
  private get writable(): Link | undefined {
    return this.next?.phase === 'resuming' ? undefined : this.current
  }

  private flush(nowMs: number): void {
    if (this.writable !== undefined) this.conversation.flush(this.writable, nowMs)
  }

  private linkOf(connection: number): Link | undefined {
    if (this.current?.number === connection) return this.current
    return this.next?.number === connection ? this.next : undefined
  }
}
