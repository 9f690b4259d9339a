/**
 * The one seam to WebSockets: turns an upgrade that the app accepted into a connection of the hub.
 *
 * The adapter's own listeners keep the request, its headers and URL alive as long as the socket, 7 KiB for each. So the
 * raw socket is taken over as soon as it is open, and its events go to functions that are shared by all sockets.
 */
import { upgradeWebSocket } from '@hono/node-server'
import type { Context } from 'hono'
import { type RawData, WebSocket } from 'ws'
import type { Connection, Socket } from './connection.ts'
import type { Hub } from './hub.ts'

/** Accepts the upgrade of a request for a connection with this id. */
export type Upgrade = (c: Context, who: { connectionId: string; requestId: string }) => Response | Promise<Response>

interface Link {
  hub: Hub
  connection: Connection
}
const links = new WeakMap<WebSocket, Link>()

/** The upgrade of @hono/node-server, for `createApp`. */
export function nodeUpgrade(hub: Hub): Upgrade {
  return (c, who) =>
    upgradeWebSocket(c, {
      onOpen: (_event, context) => {
        const raw = context.raw as unknown as TalkingWebSocket
        // The adapter adds its listeners right after this callback; ours replace them before anything can arrive.
        queueMicrotask(() => takeOver(hub, raw, who))
      },
    })
}

function takeOver(hub: Hub, raw: TalkingWebSocket, who: { connectionId: string; requestId: string }): void {
  for (const event of ['message', 'close', 'error'] as const) raw.removeAllListeners(event)
  raw.on('error', onError)
  raw.on('close', onClose)
  const connection = hub.open(raw, who)
  links.set(raw, { hub, connection })
  raw.on('message', onMessage)
  raw.on('ping', onPing)
  raw.on('pong', onPong)
}

function onMessage(this: WebSocket, data: RawData, isBinary: boolean): void {
  const link = links.get(this)
  if (link === undefined) return
  if (isBinary) link.hub.receiveBinary(link.connection)
  else link.hub.receive(link.connection, data.toString(), (data as Buffer).length)
}

function onPing(this: WebSocket, data: Buffer): void {
  const link = links.get(this)
  if (link !== undefined) link.hub.ping(link.connection, data)
}

function onPong(this: WebSocket): void {
  const link = links.get(this)
  if (link !== undefined) link.hub.pong(link.connection)
}

function onClose(this: WebSocket, code: number): void {
  const link = links.get(this)
  if (link !== undefined) link.hub.closed(link.connection, code)
}

/** Errors of the network (a reset, say) need a listener, or they end the process; the close that follows says all there is to say. */
function onError(): void {}

/** Bytes would go out as a binary frame otherwise. */
const asText = { binary: false }

/**
 * The socket of a connection. It says why it closes itself: ws closes with a bare code when a frame breaks the protocol or its size limit;
 * the client is owed an error message and a reason besides.
 */
export class TalkingWebSocket extends WebSocket implements Socket {
  sendText(text: Buffer): void {
    super.send(text, asText)
  }

  override close(code?: number, reason?: string | Buffer): void {
    const link = links.get(this)
    // A close that echoes the client's has a reason or no code at all; our own always have a reason.
    if (link === undefined || code === undefined || reason !== undefined) super.close(code, reason)
    else super.close(code, link.hub.broken(link.connection, code))
  }
}
