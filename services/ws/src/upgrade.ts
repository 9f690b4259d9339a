/**
 * Registers a socket with the hub after the app has accepted its upgrade. No other file depends on the WebSocket library's events.
 *
 * The HTTP adapter's listeners would keep the request, with its headers and URL, in memory until the socket is closed, which costs 7 KiB
 * per socket. To free the request's memory, the HTTP adapter's listeners are replaced with listeners that all sockets share, as soon as the
 * socket is open.
 */
import type { Socket as NetSocket } from 'node:net'
import { type HttpBindings, upgradeWebSocket } from '@hono/node-server'
import type { Context } from 'hono'
import { type RawData, WebSocket } from 'ws'
import type { Connection, Socket } from './connection.ts'
import type { Hub } from './hub.ts'
import type { Span } from './telemetry/tracer.ts'
import type { TextFrame } from './text-frame.ts'

/** Accepts a request's upgrade and assigns the given id to the connection. */
export type Upgrade = (c: Context, who: Upgrading) => Response | Promise<Response>

interface Upgrading {
  connectionId: string
  requestId: string
  /** The upgrade's trace span, which ends when the socket is open. */
  span: Span | undefined
}

interface Attachment {
  hub: Hub
  connection: Connection
}

/** Returns the upgrade function for `createApp`, based on @hono/node-server. */
export function nodeUpgrade(hub: Hub): Upgrade {
  return (c, who) => {
    const net = (c.env as HttpBindings).incoming.socket
    // The handshake response and the first message are sent in one write.
    net.cork()
    setImmediate(() => net.uncork())
    return upgradeWebSocket(c, {
      onOpen: (_event, context) => {
        const raw = context.raw as unknown as HubWebSocket
        // The HTTP adapter adds its listeners right after the `onOpen` callback.
        // A microtask replaces the HTTP adapter's listeners before any event can arrive.
        queueMicrotask(() => takeOver(hub, raw, net, who))
      },
    })
  }
}

function takeOver(hub: Hub, raw: HubWebSocket, net: NetSocket, who: Upgrading): void {
  for (const event of ['message', 'close', 'error'] as const) raw.removeAllListeners(event)
  raw.net = net
  raw.on('error', onError)
  raw.on('close', onClose)
  raw.attached = { hub, connection: hub.open(raw, who) }
  raw.on('message', onMessage)
  raw.on('ping', onPing)
  raw.on('pong', onPong)
  who.span?.end()
}

function onMessage(this: WebSocket, data: RawData, isBinary: boolean): void {
  const attached = attachmentOf(this)
  if (isBinary) attached?.hub.receiveBinary(attached.connection)
  else attached?.hub.receive(attached.connection, data.toString(), (data as Buffer).length)
}

function onPing(this: WebSocket, data: Buffer): void {
  const attached = attachmentOf(this)
  attached?.hub.ping(attached.connection, data)
}

function onPong(this: WebSocket): void {
  const attached = attachmentOf(this)
  attached?.hub.pong(attached.connection)
}

function onClose(this: WebSocket, code: number): void {
  const attached = attachmentOf(this)
  attached?.hub.closed(attached.connection, code)
}

function attachmentOf(socket: WebSocket): Attachment | undefined {
  return (socket as HubWebSocket).attached
}

/**
 * Ignores network errors, such as a reset, because a close event follows each error. Without an error listener, a network error on a socket
 * would end the process.
 */
function onError(): void {}

/** Private fields of the ws library that describe an incomplete message. */
interface Receiver {
  _bufferedBytes: number
  _messageLength: number
  _buffers: readonly Buffer[]
  _fragments: readonly Buffer[]
}
/**
 * The memory overhead of a network read or of a message fragment, excluding the data itself. The measured overhead is 126 bytes per network
 * read or fragment; `partBytes` is rounded up.
 */
const partBytes = 256

/** The WebSocket class used for the hub's connections. */
export class HubWebSocket extends WebSocket implements Socket {
  /** The socket's hub and connection object; undefined until the socket is open. */
  attached: Attachment | undefined
  /** The network socket to which the frames are written. */
  net: NetSocket | undefined
  corked = false

  /** Writes a frame in a single call to the socket. All frames written to a socket in one turn of the event loop are sent together. */
  sendFrame({ frame }: TextFrame): boolean {
    if (this.net === undefined || this.readyState !== WebSocket.OPEN) return false
    if (!this.corked) gather(this, this.net)
    this.net.write(frame)
    return true
  }

  /**
   * When a frame violates the protocol or a limit, the ws library calls `close` with a code but without a reason. If the code is given but
   * the reason is not, this method sends the client an error message and adds a reason to the close frame. To echo a client's close frame,
   * the ws library calls `close` with a reason or without a close code. When the server itself closes a socket, it always states a reason.
   */
  override close(code?: number, reason?: string | Buffer): void {
    if (this.attached === undefined || code === undefined || reason !== undefined) super.close(code, reason)
    else {
      const close = this.attached.hub.broken(this.attached.connection, code)
      super.close(close.code, close.reason)
    }
  }

  get unfinishedBytes(): number {
    const { _bufferedBytes, _messageLength, _buffers, _fragments } = (this as unknown as { _receiver: Receiver })._receiver
    return _bufferedBytes + _messageLength + partBytes * (_buffers.length + _fragments.length)
  }
}

/** Sockets whose frames are delayed until the end of the current turn of the event loop. */
let gathering: HubWebSocket[] = []

/**
 * Delays a socket's frames until the end of the current turn of the event loop. A client that sends sixteen messages at once receives all
 * sixteen responses in one write. Sending frames together saves CPU time, because writing accounts for most of a message's cost.
 */
function gather(socket: HubWebSocket, net: NetSocket): void {
  if (gathering.push(socket) === 1) process.nextTick(release)
  socket.corked = true
  net.cork()
}

function release(): void {
  const sockets = gathering
  gathering = []
  for (const socket of sockets) {
    socket.corked = false
    socket.net?.uncork()
  }
}
