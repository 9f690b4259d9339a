/**
 * The one seam to WebSockets: turns an upgrade that the app accepted into a connection of the hub.
 *
 * The adapter's own listeners keep the request, its headers and URL alive as long as the socket, 7 KiB for each. So the
 * raw socket is taken over as soon as it is open, and its events go to functions that are shared by all sockets.
 */
import type { Socket as NetSocket } from 'node:net'
import { type HttpBindings, upgradeWebSocket } from '@hono/node-server'
import type { Context } from 'hono'
import { type RawData, WebSocket } from 'ws'
import type { Connection, Socket } from './connection.ts'
import type { Hub } from './hub.ts'
import type { Span } from './telemetry/tracer.ts'
import type { TextFrame } from './text-frame.ts'

/** Accepts the upgrade of a request for a connection with this id. */
export type Upgrade = (c: Context, who: Upgrading) => Response | Promise<Response>

interface Upgrading {
  connectionId: string
  requestId: string
  /** Ends when the socket is open. */
  span: Span | undefined
}

interface Link {
  hub: Hub
  connection: Connection
}

/** The upgrade of @hono/node-server, for `createApp`. */
export function nodeUpgrade(hub: Hub): Upgrade {
  return (c, who) => {
    const net = (c.env as HttpBindings).incoming.socket
    // The answer to the handshake and the first message leave in one write.
    net.cork()
    setImmediate(() => net.uncork())
    return upgradeWebSocket(c, {
      onOpen: (_event, context) => {
        const raw = context.raw as unknown as TalkingWebSocket
        // The adapter adds its listeners right after this callback; ours replace them before anything can arrive.
        queueMicrotask(() => takeOver(hub, raw, net, who))
      },
    })
  }
}

function takeOver(hub: Hub, raw: TalkingWebSocket, net: NetSocket, who: Upgrading): void {
  for (const event of ['message', 'close', 'error'] as const) raw.removeAllListeners(event)
  raw.net = net
  raw.on('error', onError)
  raw.on('close', onClose)
  raw.link = { hub, connection: hub.open(raw, who) }
  raw.on('message', onMessage)
  raw.on('ping', onPing)
  raw.on('pong', onPong)
  who.span?.end()
}

function onMessage(this: WebSocket, data: RawData, isBinary: boolean): void {
  const link = linkOf(this)
  if (isBinary) link?.hub.receiveBinary(link.connection)
  else link?.hub.receive(link.connection, data.toString(), (data as Buffer).length)
}

function onPing(this: WebSocket, data: Buffer): void {
  const link = linkOf(this)
  link?.hub.ping(link.connection, data)
}

function onPong(this: WebSocket): void {
  const link = linkOf(this)
  link?.hub.pong(link.connection)
}

function onClose(this: WebSocket, code: number): void {
  const link = linkOf(this)
  link?.hub.closed(link.connection, code)
}

function linkOf(socket: WebSocket): Link | undefined {
  return (socket as TalkingWebSocket).link
}

/** Errors of the network (a reset, say) need a listener, or they end the process; the close that follows says all there is to say. */
function onError(): void {}

/** The socket of a connection. */
export class TalkingWebSocket extends WebSocket implements Socket {
  /** What it is a socket of, once it is open. */
  link: Link | undefined
  /** Where its frames go. */
  net: NetSocket | undefined
  corked = false

  /** Writes a frame in one piece, together with the others of this turn of the event loop. */
  sendFrame({ frame }: TextFrame): boolean {
    if (this.net === undefined || this.readyState !== WebSocket.OPEN) return false
    if (!this.corked) gather(this, this.net)
    this.net.write(frame)
    return true
  }

  /**
   * ws closes with a bare code when a frame breaks the protocol or its size limit; the client is owed an error message
   * and a reason besides. A close that echoes the client's has a reason or no code at all, and our own always have a reason.
   */
  override close(code?: number, reason?: string | Buffer): void {
    if (this.link === undefined || code === undefined || reason !== undefined) super.close(code, reason)
    else super.close(code, this.link.hub.broken(this.link.connection, code))
  }
}

/** Sockets whose frames are being gathered. */
let gathering: TalkingWebSocket[] = []

/**
 * Holds a socket's frames back until what is running now has run: a client that sent sixteen messages at once gets sixteen
 * answers in one write, and writes are most of what a message costs.
 */
function gather(socket: TalkingWebSocket, net: NetSocket): void {
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
