/**
 * The entry of the embedded lab, in Traefik's place: the same cookie, new sockets for ready replicas only, another replica
 * when one does not answer the dial. Sockets that are open stay where they are.
 */
import { Agent, createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { type AddressInfo, connect, type Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { stickyCookie } from '@lab/contract/endpoints.ts'
import { createProxyServer, type ProxyServerOptions } from 'httpxy'
import type { Network } from './network.ts'
import { cookieValue, Pool } from './pool.ts'
import type { ReplicaProcess } from './replicas.ts'

/** Bounds on dialling a replica, and on its answer to a request or handshake. Milliseconds. */
const dialWithinMs = 1_000
const answerWithinMs = 5_000

export interface Router {
  port: number
  /** Sockets that are open through it now. */
  open(): number
  close(): Promise<void>
}

/**
 * Listens on 127.0.0.1. Rejects when the port can't be had.
 * @param network what lies between it and the replicas
 */
export async function startRouter(
  port: number,
  replicas: () => readonly ReplicaProcess[],
  network: Network,
  say: (line: string) => void,
): Promise<Router> {
  const pool = new Pool()
  const proxy = createProxyServer({ xfwd: true, proxyTimeout: answerWithinMs, upgradeTimeout: answerWithinMs })
  const sockets = new Set<Socket>()
  // Failures reach us as rejections; without a listener they would also be thrown.
  proxy.on('error', () => {})

  function candidates(request: IncomingMessage): ReplicaProcess[] {
    return pool.candidates(
      replicas().filter(({ leaving, ready }) => ready && !leaving),
      cookieValue(request.headers.cookie, stickyCookie),
    )
  }

  async function serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
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
      // It answered the dial and then went: that it is gone is said elsewhere; this client may try again.
      if (response.headersSent) response.destroy()
      else response.writeHead(502, { 'content-type': 'text/plain' }).end('the replica did not answer\n')
    }
  }

  async function upgrade(request: IncomingMessage, socket: Socket, head: Buffer): Promise<void> {
    socket.on('error', () => socket.destroy())
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
      // A client that has gone while its replica answered closes no second time.
      if (socket.destroyed) return
      sockets.add(socket as Socket)
      socket.once('close', () => sockets.delete(socket as Socket))
      const cookie = cookies.get(request)
      if (cookie !== undefined) answer.headers['set-cookie'] = [...(answer.headers['set-cookie'] ?? []), cookie]
    })
  })

  const server = createServer((request, response) => {
    serve(request, response).catch((error: unknown) => {
      say(`a request for ${request.url} failed: ${String(error)}`)
      response.destroy()
    })
  })
  server.on('upgrade', (request, socket, head) => {
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
      // What is cut would otherwise never learn of it.
      network.heal()
      for (const socket of sockets) socket.destroy()
    },
  }
}

function cookieFor(request: IncomingMessage, { id }: ReplicaProcess): string | undefined {
  return cookieValue(request.headers.cookie, stickyCookie) === id ? undefined : `${stickyCookie}=${id}; Path=/; HttpOnly; SameSite=Lax`
}

/**
 * The first of these replicas that answers the dial, and how to speak to it over just that connection: nothing has been
 * sent to those before it, so nobody notices that they were asked. Null when none answers.
 */
async function dialFirst(
  replicas: readonly ReplicaProcess[],
  network: Network,
): Promise<{ replica: ReplicaProcess; options: ProxyServerOptions } | null> {
  for (const replica of replicas) {
    const dialled = await dialOver(network, replica)
    if (dialled === null) continue
    const agent = new Agent({ keepAlive: false })
    const link = network.link(replica.id, dialled)
    agent.createConnection = () => link
    return { replica, options: { target: `http://127.0.0.1:${replica.port}`, agent } }
  }
  return null
}

/** The answer to a dial takes its time, too; from who is cut off none comes. */
async function dialOver(network: Network, { id, port }: ReplicaProcess): Promise<Socket | null> {
  const waitMs = network.isCut(id) ? dialWithinMs : network.slowness
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
