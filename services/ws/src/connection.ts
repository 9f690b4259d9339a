/** Stores the state of one open socket, sends its messages, and limits the number of unsent bytes for a slow reader. */
import { type CloseCause, closeCodes } from '@lab/contract/close-codes.ts'
import type { ServerMessageType } from '@lab/contract/messages.ts'
import type { GoodbyeReason } from '@lab/contract/metrics.ts'
import type { PeerSigns } from './heartbeat.ts'
import type { RateLimit } from './limits.ts'
import type { ClientMessage } from './protocol.ts'
import type { Session, SessionConnection } from './sessions.ts'
import type { ConnectionTrace } from './telemetry/tracer.ts'
import { type TextFrame, textFrame } from './text-frame.ts'

/** The part of the WebSocket library that a connection uses. */
export interface Socket {
  /** Sends a frame; the same frame may also be sent to other sockets. Returns whether the socket accepted the frame. */
  sendFrame(frame: TextFrame): boolean
  ping(): void
  pong(data: Buffer): void
  close(code: number, reason: string): void
  /** Terminates the socket without a closing handshake. */
  terminate(): void
  /** Number of bytes passed to the socket that have not been sent yet. */
  readonly bufferedAmount: number
  /** Number of bytes received so far of an incomplete message or frame. */
  readonly unfinishedBytes: number
  /** Stops reading from the network. Frames that have already been read may still arrive. */
  pause(): void
  /** Reads from the network again. */
  resume(): void
}

/** Events that a connection reports to the hub. */
export interface ConnectionEvents {
  sent(type: ServerMessageType, bytes: number): void
  /** Called when a connection has too many unsent bytes and must be closed. */
  tooSlow(connection: Connection): void
}

/** The state of an open connection. Other code may read a connection's state, but only the methods of `Connection` change it. */
export class Connection implements SessionConnection, PeerSigns {
  readonly id: string
  readonly rate: RateLimit
  readonly requestId: string
  /** The upgrade's trace, to which the connection's first messages also belong; undefined if the upgrade was not traced. */
  readonly trace: ConnectionTrace | undefined
  readonly openedAtMs: number
  private readonly socket: Socket
  private readonly events: ConnectionEvents
  private readonly maxBufferBytes: number
  private currentSession: Session<Connection>
  private sessionUsed = false
  private pingSentAtMs = 0
  private lastPingAtMs: number
  private lastMessageAtMs: number
  private pausedAtMs: number | null = null
  private closeCause: CloseCause | null = null
  private reconnect: GoodbyeReason | null = null
  /** Messages that are waiting for an asynchronous message handler to finish; null if no such handler is running. */
  private waiting: { message: ClientMessage; bytes: number }[] | null = null
  private waitingBytes = 0

  constructor(options: {
    id: string
    requestId: string
    trace?: ConnectionTrace | undefined
    socket: Socket
    rate: RateLimit
    nowMs: number
    maxBufferBytes: number
    events: ConnectionEvents
    /** Begins the connection's first session, which a resumed session may replace. */
    begin: (connection: Connection) => Session<Connection>
  }) {
    this.id = options.id
    this.requestId = options.requestId
    this.trace = options.trace
    this.socket = options.socket
    this.rate = options.rate
    this.openedAtMs = this.lastPingAtMs = this.lastMessageAtMs = options.nowMs
    this.maxBufferBytes = options.maxBufferBytes
    this.events = options.events
    this.currentSession = options.begin(this)
  }

  get session(): Session<Connection> {
    return this.currentSession
  }

  /** Whether the client has already sent a message or joined a room; if so, it can no longer resume another session. */
  get hasUsedSession(): boolean {
    return this.sessionUsed
  }

  /**
   * The reason why the connection is closing; null while it is open. Only the first close cause is recorded, regardless of what the socket
   * reports afterwards.
   */
  get closing(): CloseCause | null {
    return this.closeCause
  }

  /** The reason why the client was asked to reconnect to another replica; null if it was not asked. */
  get reconnectReason(): GoodbyeReason | null {
    return this.reconnect
  }

  /** Whether an asynchronous message handler is running. */
  get isHandling(): boolean {
    return this.waiting !== null
  }

  /** Number of messages that wait for an earlier message to be handled. */
  get waitingMessages(): number {
    return this.waiting?.length ?? 0
  }

  /** Whether the replica has stopped reading from the client. */
  get paused(): boolean {
    return this.pausedAtMs !== null
  }

  /** Number of bytes for the client that are still in the socket's send buffer. */
  get unsentBytes(): number {
    return this.socket.bufferedAmount
  }

  /** Total size, in bytes, of incomplete messages and of messages waiting for an earlier message to be handled. */
  get unfinishedBytes(): number {
    return this.socket.unfinishedBytes + this.waitingBytes
  }

  get pingedAtMs(): number {
    return this.pingSentAtMs
  }

  get lastPingMs(): number {
    return this.lastPingAtMs
  }

  get lastMessageMs(): number {
    return this.lastMessageAtMs
  }

  /** Sends a message, unless the connection is closing or has too many unsent bytes. */
  send(type: ServerMessageType, text: string): void {
    if (this.maySend()) this.hand(type, textFrame(text))
  }

  /** Sends an encoded frame, unless the connection is closing or has too many unsent bytes. */
  sendFrame(type: ServerMessageType, frame: TextFrame): void {
    if (this.maySend()) this.hand(type, frame)
  }

  private hand(type: ServerMessageType, frame: TextFrame): void {
    if (this.socket.sendFrame(frame)) this.events.sent(type, frame.payloadBytes)
  }

  /** Sends a ping. @param nowMs the current time, from the clock that the constructor and all other methods use */
  ping(nowMs: number): void {
    this.pingSentAtMs = this.lastPingAtMs = nowMs
    this.socket.ping()
  }

  /** Records that the client has sent a pong. Returns whether the pong is a response to a ping from this replica. */
  receivedPong(): boolean {
    const answered = this.pingSentAtMs !== 0
    this.pingSentAtMs = 0
    return answered
  }

  /** Responds to a ping with a pong, unless the connection is closing or has too many unsent bytes. */
  pong(data: Buffer): void {
    if (this.maySend()) this.socket.pong(data)
  }

  private maySend(): boolean {
    if (this.closeCause !== null) return false
    if (this.socket.bufferedAmount <= this.maxBufferBytes) return true
    this.events.tooSlow(this)
    return false
  }

  /** Records that the client has sent a data frame. */
  receivedFrame(nowMs: number): void {
    this.lastMessageAtMs = nowMs
  }

  /** Records that the client has sent a message or joined a room in its current session. */
  usedSession(): void {
    this.sessionUsed = true
  }

  /** Replaces the connection's session with the resumed session. */
  resumed(session: Session<Connection>): void {
    this.currentSession = session
  }

  /** Records that the client was asked to reconnect to another replica. */
  askedToReconnect(reason: GoodbyeReason): void {
    this.reconnect = reason
  }

  /** Records that an asynchronous message handler has started. Subsequent messages on the connection wait until `handled` is called. */
  startedHandling(): void {
    this.waiting = []
  }

  /** Queues a message of the given size while another message is being handled. Returns the number of queued messages. */
  wait(message: ClientMessage, bytes: number): number {
    this.waiting ??= []
    this.waitingBytes += bytes
    return this.waiting.push({ message, bytes })
  }

  /**
   * Stops reading from the client until `resumeReading`. The client's frames then stay in the network's buffers, and none of them is lost
   * or refused.
   */
  pauseReading(nowMs: number): void {
    if (this.pausedAtMs !== null) return
    this.pausedAtMs = nowMs
    this.socket.pause()
  }

  /** Reads from the client again. The pause counts neither towards the message rate nor as silence of the client. */
  resumeReading(nowMs: number): void {
    if (this.pausedAtMs === null) return
    this.rate.credit(nowMs - this.pausedAtMs, nowMs)
    this.pausedAtMs = null
    this.pingSentAtMs = 0
    this.lastMessageAtMs = nowMs
    this.socket.resume()
  }

  /**
   * Records that an asynchronous message handler has finished. Returns the messages that were waiting for the handler to finish, in order.
   */
  handled(): readonly { message: ClientMessage; bytes: number }[] {
    const waited = this.waiting ?? []
    this.waiting = null
    this.waitingBytes = 0
    return waited
  }

  /** Starts the RFC 6455 closing handshake. Only the first close cause is recorded. */
  close(cause: CloseCause): void {
    if (this.closeCause !== null) return
    this.closeCause = cause
    // The client's close frame must be read.
    if (this.pausedAtMs !== null) this.socket.resume()
    this.socket.close(closeCodes[cause].code, closeCodes[cause].reason)
  }

  /**
   * Closes a connection because it uses too many resources. A second call to `closeOrCut` terminates the connection if the client has not
   * responded to the close frame.
   */
  closeOrCut(cause: CloseCause): void {
    if (this.closeCause === null) this.close(cause)
    else this.terminate()
  }

  /**
   * Records that the WebSocket library is closing the socket because a frame violates the protocol or a limit. Only the first close cause
   * is recorded.
   */
  closedByLibrary(cause: CloseCause): void {
    this.closeCause ??= cause
  }

  /**
   * Terminates the socket without a closing handshake.
   * @param cause the cause to record; by default, the cause is determined by the socket's close code
   */
  terminate(cause?: CloseCause): void {
    if (cause !== undefined) this.closeCause ??= cause
    this.socket.terminate()
  }
}
