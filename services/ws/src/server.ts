/**
 * Opens a replica's two ports: the public port, which accepts WebSocket connections, and the internal port. Each step of the handshake has
 * a timeout.
 */

import { type IncomingMessage, maxHeaderSize, type Server } from 'node:http'
import type { AddressInfo, Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import { serve, type WebSocketServerLike } from '@hono/node-server'
import { refusedHeader } from '@lab/contract/endpoints.ts'
import type { RefusalCause } from '@lab/contract/metrics.ts'
import type { Hono } from 'hono'
import { type ServerOptions, WebSocketServer } from 'ws'
import { countHosts, type Vars } from './app.ts'
import type { Config } from './config.ts'
import { mostParts } from './inbox.ts'
import type { Meter } from './metrics.ts'
import { HubWebSocket } from './upgrade.ts'

export interface Listening {
  port: number
  /** Stops accepting connections. */
  stop(): void
  /** Closes all open connections immediately. */
  cut(): void
}

/** Listens on the public port. The promise rejects if the port is not available. */
export async function listenPublic(app: Hono<Vars>, config: Config, meter: Meter): Promise<Listening> {
  const options: ServerOptions<typeof HubWebSocket> & { closeTimeout: number } = {
    noServer: true,
    WebSocket: HubWebSocket,
    maxPayload: config.MAX_FRAME_BYTES,
    maxFragments: mostParts(config.MAX_FRAME_BYTES),
    maxBufferedChunks: mostParts(config.MAX_FRAME_BYTES),
    // By default, the ws library accepts the first subprotocol that a client offers.
    // The server supports no subprotocols, so it selects none (RFC 6455, section 4.2.2).
    handleProtocols: () => false,
    // Compression triples a socket's memory use.
    perMessageDeflate: false,
    closeTimeout: config.CLOSE_TIMEOUT,
    // Pings count towards the message rate, so the hub, not the ws library, responds to them.
    autoPong: false,
    // The hub maintains its own set of connections.
    clientTracking: false,
  }
  const wss = new WebSocketServer(options)
  wss.on('wsClientError', (error, socket) => {
    meter.refused('bad_handshake')
    answerRefusal(socket, '400 Bad Request', `bad_handshake: ${error.message}; expected a GET request as in RFC 6455, version 13`)
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
  // A refused client that never closes its side of the connection would otherwise occupy a socket for ever.
  const cutLater = function (this: Socket) {
    const timer = setTimeout(() => this.destroy(), config.CLOSE_TIMEOUT)
    this.once('close', () => clearTimeout(timer))
  }
  server.on('connection', (socket) => socket.on('finish', cutLater))
  return listening(server)
}

/** Listens on the internal port. The promise rejects if the port is not available. */
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
 * Whether a request is handled as a WebSocket upgrade. An invalid upgrade is handled as an ordinary request; otherwise, it would receive no
 * response, and the first error on its socket would end the process.
 */
function takesUpgrade({ url = '', headers, rawHeaders }: IncomingMessage, meter: Meter): boolean {
  if (headers.upgrade?.toLowerCase() !== 'websocket') return false
  const plain = countHosts(rawHeaders) === 1 && plainHost.test(headers.host ?? '') && plainTarget.test(url)
  if (!plain) meter.refused('bad_handshake')
  return plain
}
const plainHost = /^[A-Za-z0-9.:_[\]-]*$/
const plainTarget = /^(http:\/\/[A-Za-z0-9.:_[\]-]+)?\/[^\\]*$/

/** Responds to a request that could not be parsed because it was too slow, too large or not HTTP, or because the connection was reset. */
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

/** Sends a refusal to a client whose request has not reached the app. */
function answerRefusal(socket: Duplex, status: string, why: string): void {
  const headers = ['Connection: close', 'Sec-WebSocket-Version: 13', `${refusedHeader}: ${why}`, 'Content-Length: 0']
  socket.end(`HTTP/1.1 ${status}\r\n${headers.join('\r\n')}\r\n\r\n`)
}
