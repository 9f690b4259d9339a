/**
 * The embedded lab's router, which replaces Traefik. Like Traefik, this router sets the sticky cookie, routes new sockets only to ready
 * replicas, and tries the next replica if one does not accept the connection. Open sockets stay on their replica, even if it is no longer
 * ready.
 */
import { Agent, createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { type AddressInfo, connect, type Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { refusedHeader, stickyCookie } from '@lab/contract/endpoints.ts'
import { type RequestSource, refusalOf, sourceOf } from '@lab/contract/foreign.ts'
import { createProxyServer, type ProxyServerOptions } from 'httpxy'
import type { Network } from './network.ts'
import { cookieValue, Pool } from './pool.ts'
import type { ReplicaProcess } from './replicas.ts'

/** Timeouts for connecting to a replica, and for its response to a request or handshake. Milliseconds. */
const dialWithinMs = 1_000
const answerWithinMs = 5_000

export interface Router {
  port: number
  /** Returns the number of sockets that are open through the router. */
  open(): number
  close(): Promise<void>
}

/**
 * Listens on 127.0.0.1. Rejects if the port is unavailable.
 * @param replicas returns the replicas that receive new sockets
 * @param network the simulated network between the router and the replicas
 * @param allowed origins of other websites that may send requests
 */
export async function startRouter(
  port: number,
  replicas: () => readonly ReplicaProcess[],
  network: Network,
  say: (line: string) => void,
  allowed: readonly string[] = [],
): Promise<Router> {
  const pool = new Pool()
  const proxy = createProxyServer({ xfwd: true, proxyTimeout: answerWithinMs, upgradeTimeout: answerWithinMs })
  const sockets = new Set<Socket>()
  // The caller handles failures as rejected promises; this empty listener only prevents the proxy from throwing the errors as well.
  proxy.on('error', () => {})

  function candidates(request: IncomingMessage): ReplicaProcess[] {
    return pool.candidates(replicas(), cookieValue(request.headers.cookie, stickyCookie))
  }

  async function serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const refusal = refusalOf(sourceOfRequest(request), allowed)
    if (refusal !== null) {
      response.writeHead(403, { 'content-type': 'text/plain', [refusedHeader]: refusal }).end(`${refusal}\n`)
      return
    }
    const reached = await dialFirst(candidates(request), network)
    if (reached === null) {
      response.writeHead(503, { 'content-type': 'text/plain', 'retry-after': '1' }).end('no replica is ready\n')
      return
    }
    const cookie = cookieFor(request, reached.replica)
    if (cookie !== undefined) response.setHeader('set-cookie', cookie)
    try {
      await proxy.web(request, response, reached.options)
    } catch {
      // The replica exited after it had accepted the connection. The Replicas class logs that the replica exited, and the client may resend
      // its request.
      if (response.headersSent) response.destroy()
      else response.writeHead(502, { 'content-type': 'text/plain' }).end('the replica did not answer\n')
    }
  }

  async function upgrade(request: IncomingMessage, socket: Socket, head: Buffer): Promise<void> {
    socket.on('error', () => socket.destroy())
    const refusal = refusalOf(sourceOfRequest(request), allowed)
    if (refusal !== null) {
      socket.end(`HTTP/1.1 403 Forbidden\r\n${refusedHeader}: ${refusal}\r\nconnection: close\r\n\r\n`)
      return
    }
    const reached = await dialFirst(candidates(request), network)
    if (reached === null) {
      socket.end('HTTP/1.1 503 Service Unavailable\r\nretry-after: 1\r\nconnection: close\r\n\r\n')
      return
    }
    cookies.set(request, cookieFor(request, reached.replica))
    await proxy.ws(request, socket, reached.options, head)
  }

  const cookies = new WeakMap<IncomingMessage, string | undefined>()
  proxy.on('proxyReqWs', (proxied, request, socket) => {
    proxied.prependListener('upgrade', (answer) => {
      // The client may have closed the socket before the replica responded.
      if (socket.destroyed) return
      sockets.add(socket as Socket)
      socket.once('close', () => sockets.delete(socket as Socket))
      const cookie = cookies.get(request)
      if (cookie !== undefined) answer.headers['set-cookie'] = [...(answer.headers['set-cookie'] ?? []), cookie]
    })
  })

  // Node does not check the Host header of upgrade requests, so the router checks this header for all requests.
  const server = createServer({ requireHostHeader: false, shouldUpgradeCallback: isSocket }, (request, response) => {
    const problem = repair(request)
    if (problem !== undefined) {
      response.writeHead(400, { 'content-type': 'text/plain', connection: 'close' }).end(`${problem}\n`)
      return
    }
    serve(request, response).catch((error: unknown) => {
      say(`a request for ${request.url} failed: ${String(error)}`)
      response.destroy()
    })
  })
  server.on('upgrade', (request, socket, head) => {
    const problem = repair(request)
    if (problem !== undefined) {
      socket.end(`HTTP/1.1 400 Bad Request\r\ncontent-type: text/plain\r\nconnection: close\r\n\r\n${problem}\n`)
      return
    }
    upgrade(request, socket as Socket, head).catch((error: unknown) => {
      say(`an upgrade for ${request.url} failed: ${String(error)}`)
      socket.destroy()
    })
  })
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(port, '127.0.0.1', resolve)
  })
  return {
    port: (server.address() as AddressInfo).port,
    open: () => sockets.size,
    close: async () => {
      server.close()
      server.closeAllConnections()
      // A replica that is cut off would not notice that its connections have been closed.
      network.heal()
      for (const socket of sockets) socket.destroy()
    },
  }
}

function sourceOfRequest({ method = '', headers }: IncomingMessage): RequestSource {
  return sourceOf(method, (name) => headers[name]?.toString())
}

/** Whether a request opens a WebSocket. An upgrade to another protocol, such as h2c, is forwarded as a plain request. */
function isSocket({ method, headers }: IncomingMessage): boolean {
  return method === 'GET' && headers.upgrade?.toLowerCase() === 'websocket'
}

/**
 * Rewrites an absolute request target to a path before the router forwards the request.
 * @returns the reason for refusing the request; undefined if the request is accepted
 */
function repair(request: IncomingMessage): string | undefined {
  const hosts = request.headersDistinct.host ?? []
  // The host in an absolute request target takes precedence over the Host header (RFC 9112, section 3.2.2).
  const absolute = /^https?:\/\/([^/?#]+)(.*)$/is.exec(request.url ?? '')
  if (hosts.length > 1) return 'two Host headers; allowed is one'
  if (hosts.length === 0 && request.httpVersion === '1.1') return 'no Host header; allowed is one'
  if (absolute) {
    const [, host = '', target = ''] = absolute
    request.headers.host = host
    request.url = target.startsWith('/') ? target : `/${target}`
  } else if (!/^[*/]/.test(request.url ?? '')) return 'invalid request target; allowed is a path, or http:// with a host'
  return undefined
}

function cookieFor(request: IncomingMessage, { id }: ReplicaProcess): string | undefined {
  return cookieValue(request.headers.cookie, stickyCookie) === id ? undefined : `${stickyCookie}=${id}; Path=/; HttpOnly; SameSite=Lax`
}

/**
 * Connects to the first replica that accepts a connection, and returns proxy options that use this connection. A replica that refuses the
 * connection has received no data, so it is safe to try the next one. Returns null if no replica accepts a connection.
 */
async function dialFirst(
  replicas: readonly ReplicaProcess[],
  network: Network,
): Promise<{ replica: ReplicaProcess; options: ProxyServerOptions } | null> {
  for (const replica of replicas) {
    const dialled = await dialOver(network, replica)
    if (dialled === null) continue
    const agent = new Agent({ keepAlive: false })
    const connection = network.connect(replica.id, dialled)
    agent.createConnection = () => connection
    return { replica, options: { target: `http://127.0.0.1:${replica.port}`, agent } }
  }
  return null
}

/** The simulated network also delays connection attempts, which time out if the replica is cut off. */
async function dialOver(network: Network, { id, port }: ReplicaProcess): Promise<Socket | null> {
  const waitMs = network.isCut(id) ? dialWithinMs : network.delayMs
  if (waitMs > 0) await sleep(waitMs)
  return network.isCut(id) ? null : dial(port)
}

function dial(port: number): Promise<Socket | null> {
  return new Promise((resolve) => {
    const socket = connect({ port, host: '127.0.0.1', noDelay: true, allowHalfOpen: true })
    const timer = setTimeout(() => socket.destroy(new Error('too late')), dialWithinMs)
    const failed = () => {
      clearTimeout(timer)
      resolve(null)
    }
    socket.once('error', failed)
    socket.once('connect', () => {
      clearTimeout(timer)
      socket.removeListener('error', failed)
      resolve(socket)
    })
  })
}
