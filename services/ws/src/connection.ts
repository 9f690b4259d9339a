/** One open socket: what the hub knows of it, and sending with a bound on what a slow reader may be owed. */
import { type CloseCause, closeCodes } from '@lab/contract/close-codes.ts'
import type { ServerMessageType } from '@lab/contract/messages.ts'
import type { GoodbyeReason } from '@lab/contract/metrics.ts'
import type { PeerSigns } from './heartbeat.ts'
import type { RateLimit } from './limits.ts'
import type { ClientMessage } from './protocol.ts'
import type { Session, SessionLink } from './sessions.ts'
import type { ConnectionTrace } from './telemetry/tracer.ts'
import { type TextFrame, textFrame } from './text-frame.ts'

/** The seam to the WebSocket library: all that is asked of a socket. */
export interface Socket {
  /** Sends a whole frame, which may go to others as well. Whether it could be sent. */
  sendFrame(frame: TextFrame): boolean
  ping(): void
  pong(data: Buffer): void
  close(code: number, reason: string): void
  /** Ends the socket without a closing handshake. */
  terminate(): void
  /** Bytes handed over that have not left yet. */
  readonly bufferedAmount: number
}

/** What a connection tells its owner. */
export interface ConnectionEvents {
  sent(type: ServerMessageType, bytes: number): void
  /** What the connection is owed went over its bound; it is being closed. */
  tooSlow(connection: Connection): void
}

export class Connection implements SessionLink, PeerSigns {
  readonly id: string
  readonly socket: Socket
  readonly rate: RateLimit
  readonly requestId: string
  /** Where its messages belong, if its upgrade was traced. */
  readonly trace: ConnectionTrace | undefined
  readonly openedAtMs: number
  /** What it is a connection of; set right after it is made, and again when it resumes another. */
  session!: Session<Connection>
  /** Slot in the heartbeat wheel. */
  slot = 0
  pingedAtMs = 0
  lastPingMs: number
  lastMessageMs: number
  /** Set once we decided to close: what is counted, whatever the socket reports afterwards. */
  closing: CloseCause | null = null
  /** Why it was told to come back elsewhere, if it was. */
  told: GoodbyeReason | null = null
  /** The client has sent or joined something: too late to resume another session. */
  used = false
  /** Messages that wait until an earlier one has been dealt with, or null when none is in the works. */
  pending: ClientMessage[] | null = null
  private readonly events: ConnectionEvents
  private readonly maxBufferBytes: number

  constructor(options: {
    id: string
    requestId: string
    trace?: ConnectionTrace | undefined
    socket: Socket
    rate: RateLimit
    nowMs: number
    maxBufferBytes: number
    events: ConnectionEvents
  }) {
    this.id = options.id
    this.requestId = options.requestId
    this.trace = options.trace
    this.socket = options.socket
    this.rate = options.rate
    this.openedAtMs = this.lastPingMs = this.lastMessageMs = options.nowMs
    this.maxBufferBytes = options.maxBufferBytes
    this.events = options.events
  }

  /** Sends a message, unless the connection is closing or owes its reader too much already. */
  send(type: ServerMessageType, text: string): void {
    if (this.maySend()) this.hand(type, textFrame(text))
  }

  /** The same with a frame that is made already. */
  sendFrame(type: ServerMessageType, frame: TextFrame): void {
    if (this.maySend()) this.hand(type, frame)
  }

  private hand(type: ServerMessageType, frame: TextFrame): void {
    if (this.socket.sendFrame(frame)) this.events.sent(type, frame.payloadBytes)
  }

  /** Answers a ping, within the same bound. */
  pong(data: Buffer): void {
    if (this.maySend()) this.socket.pong(data)
  }

  private maySend(): boolean {
    if (this.closing !== null) return false
    if (this.socket.bufferedAmount <= this.maxBufferBytes) return true
    this.events.tooSlow(this)
    return false
  }

  /** Starts the closing handshake; the first cause given is the one that counts. */
  close(cause: CloseCause): void {
    if (this.closing !== null) return
    this.closing = cause
    this.socket.close(closeCodes[cause].code, closeCodes[cause].reason)
  }
}
