/** Ports: the public one with sockets and the internal one, with every wait of a handshake bounded. */

import { type IncomingMessage, maxHeaderSize, type Server } from 'node:http'
import type { AddressInfo, Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import { serve, type WebSocketServerLike } from '@hono/node-server'
import { refusedHeader } from '@lab/contract/endpoints.ts'
import type { RefusalCause } from '@lab/contract/metrics.ts'
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
    // Pings count against the message rate, so the hub answers them.
    autoPong: false,
    // The hub keeps its own set.
    clientTracking: false,
  }
  const wss = new WebSocketServer(options)
  wss.on('wsClientError', (error, socket) => {
    meter.refused('bad_handshake')
    answerRefusal(socket, '400 Bad Request', `bad_handshake: ${error.message}; allowed is a GET as in RFC 6455, version 13`)
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
      shouldUpgradeCallback: (request) => takesUpgrade(request, meter),
    },
  }) as Server
  server.on('clientError', (error, socket) => refuseBroken(error, socket as Socket, config, meter))
  // A peer that was refused but never closes its half would hold its socket for ever.
  const cutLater = function (this: Socket) {
    const timer = setTimeout(() => this.destroy(), config.CLOSE_TIMEOUT)
    this.once('close', () => clearTimeout(timer))
  }
  server.on('connection', (socket) => socket.on('finish', cutLater))
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

/**
 * Whether a request goes the way of upgrades. Others are plain requests even if they ask for one: nobody would ever
 * answer them or listen to their socket's errors, of which the first would end the process.
 */
function takesUpgrade({ url = '', headers }: IncomingMessage, meter: Meter): boolean {
  if (headers.upgrade?.toLowerCase() !== 'websocket') return false
  const plain = plainHost.test(headers.host ?? '') && plainTarget.test(url)
  if (!plain) meter.refused('bad_handshake')
  return plain
}
const plainHost = /^[A-Za-z0-9.:_[\]-]*$/
const plainTarget = /^(http:\/\/[A-Za-z0-9.:_[\]-]+)?\/[^\\]*$/

/** A request that never became one: too slow, too large, not HTTP, or reset on the way. */
function refuseBroken(error: NodeJS.ErrnoException, socket: Socket, config: Config, meter: Meter): void {
  const timedOut = error.code === 'ERR_HTTP_REQUEST_TIMEOUT'
  const cause: RefusalCause = timedOut ? 'handshake_timeout' : 'bad_handshake'
  meter.refused(cause)
  if (!socket.writable || error.code === 'ECONNRESET') {
    socket.destroy()
    return
  }
  if (timedOut) answerRefusal(socket, '408 Request Timeout', `${cause}: allowed are ${config.HANDSHAKE_TIMEOUT} ms for all headers`)
  else if (error.code === 'HPE_HEADER_OVERFLOW') {
    answerRefusal(socket, '431 Request Header Fields Too Large', `${cause}: allowed are ${maxHeaderSize} bytes of headers`)
  } else answerRefusal(socket, '400 Bad Request', `${cause}: not an HTTP/1.1 request`)
  socket.destroySoon()
}

/** The last words to a peer that has not come as far as the app. */
function answerRefusal(socket: Duplex, status: string, why: string): void {
  const headers = ['Connection: close', 'Sec-WebSocket-Version: 13', `${refusedHeader}: ${why}`, 'Content-Length: 0']
  socket.end(`HTTP/1.1 ${status}\r\n${headers.join('\r\n')}\r\n\r\n`)
}
