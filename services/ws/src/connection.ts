/** One open socket: what the hub knows of it, and sending with a bound on what a slow reader may be owed. */
import { type CloseCause, closeCodes } from '@lab/contract/close-codes.ts'
import type { ServerMessageType } from '@lab/contract/messages.ts'
import type { PeerSigns } from './heartbeat.ts'
import type { RateLimit } from './limits.ts'
import type { Session, SessionLink } from './sessions.ts'

/** The seam to the WebSocket library: all that is asked of a socket. */
export interface Socket {
  /** Sends a text frame. @returns bytes of its payload */
  sendText(head: string | Buffer, tail: string): number
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
  readonly openedAtMs: number
  session: Session<Connection>
  /** Slot in the heartbeat wheel. */
  slot = 0
  pingedAtMs = 0
  lastPingMs: number
  lastMessageMs: number
  /** Set once we decided to close: what is counted, whatever the socket reports afterwards. */
  closing: CloseCause | null = null
  /** Told to come back elsewhere. */
  toldGoodbye = false
  /** The client has sent or joined something: too late to resume another session. */
  used = false
  private readonly events: ConnectionEvents
  private readonly maxBufferBytes: number

  constructor(options: {
    id: string
    requestId: string
    socket: Socket
    session: Session<Connection>
    rate: RateLimit
    nowMs: number
    maxBufferBytes: number
    events: ConnectionEvents
  }) {
    this.id = options.id
    this.requestId = options.requestId
    this.socket = options.socket
    this.session = options.session
    this.rate = options.rate
    this.openedAtMs = this.lastPingMs = this.lastMessageMs = options.nowMs
    this.maxBufferBytes = options.maxBufferBytes
    this.events = options.events
  }

  /** Sends a message, unless the connection is closing or owes its reader too much already. */
  send(type: ServerMessageType, head: string | Buffer, tail = ''): void {
    if (this.maySend()) this.events.sent(type, this.socket.sendText(head, tail))
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
