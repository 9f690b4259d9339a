/** Ports: the public one with sockets and the internal one, with every wait of a handshake bounded. */

import type { Server } from 'node:http'
import type { AddressInfo, Socket } from 'node:net'
import { serve, type WebSocketServerLike } from '@hono/node-server'
import type { Hono } from 'hono'
import { type ServerOptions, WebSocketServer } from 'ws'
import type { Vars } from './app.ts'
import type { Config } from './config.ts'
import type { Meter } from './metrics.ts'
import { TalkingWebSocket } from './upgrade.ts'

export interface Listening {
  port: number
  /** Stops taking new connections. */
  stop(): void
  /** Cuts whatever is still open. */
  cut(): void
}

/** Listens on the public port. Rejects when the port can't be had. */
export async function listenPublic(app: Hono<Vars>, config: Config, meter: Meter): Promise<Listening> {
  const options: ServerOptions<typeof TalkingWebSocket> & { closeTimeout: number } = {
    noServer: true,
    WebSocket: TalkingWebSocket,
    maxPayload: config.MAX_FRAME_BYTES,
    // Compression triples the memory of a socket.
    perMessageDeflate: false,
    closeTimeout: config.CLOSE_TIMEOUT,
    // The hub keeps its own set.
    clientTracking: false,
  }
  const wss = new WebSocketServer(options)
  wss.on('wsClientError', (_error, socket) => {
    meter.refused('bad_handshake')
    socket.end('HTTP/1.1 400 Bad Request\r\nConnection: close\r\nContent-Length: 0\r\n\r\n')
  })
  const server = serve({
    fetch: app.fetch,
    port: config.PORT,
    hostname: config.HOST,
    websocket: { server: wss as unknown as WebSocketServerLike },
    serverOptions: {
      headersTimeout: config.HANDSHAKE_TIMEOUT,
      requestTimeout: config.HANDSHAKE_TIMEOUT,
      connectionsCheckingInterval: Math.min(1000, config.HANDSHAKE_TIMEOUT),
    },
  }) as Server
  server.on('clientError', (error, socket) => refuseBroken(error, socket as Socket, meter))
  return listening(server)
}

/** Listens on the internal port. Rejects when the port can't be had. */
export async function listenInternal(app: Hono<Vars>, config: Config): Promise<Listening> {
  return listening(serve({ fetch: app.fetch, port: config.INTERNAL_PORT, hostname: config.HOST }) as Server)
}

function listening(server: Server): Promise<Listening> {
  return new Promise((resolve, reject) => {
    server.once('error', reject)
    server.once('listening', () => {
      server.off('error', reject)
      resolve({
        port: (server.address() as AddressInfo).port,
        stop: () => void server.close(),
        cut: () => server.closeAllConnections(),
      })
    })
  })
}

/** A request that never became one: too slow, too large, not HTTP, or reset on the way. */
function refuseBroken(error: NodeJS.ErrnoException, socket: Socket, meter: Meter): void {
  const timedOut = error.code === 'ERR_HTTP_REQUEST_TIMEOUT'
  meter.refused(timedOut ? 'handshake_timeout' : 'bad_handshake')
  if (!socket.writable || error.code === 'ECONNRESET') {
    socket.destroy()
    return
  }
  const status = timedOut
    ? '408 Request Timeout'
    : error.code === 'HPE_HEADER_OVERFLOW'
      ? '431 Request Header Fields Too Large'
      : '400 Bad Request'
  socket.end(`HTTP/1.1 ${status}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`)
  socket.destroySoon()
}
