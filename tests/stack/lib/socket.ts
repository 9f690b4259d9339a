/** A WebSocket client for tests, which sends messages and waits for expected ones. */
import { paths, stickyCookie } from '@lab/contract/endpoints.ts'
import type { ServerMessageType } from '@lab/contract/messages.ts'
import { until } from '@lab/host/until.ts'
import type { ServerMessage } from '@lab/ws/protocol.ts'
import WebSocket from 'ws'
import { type Stack, url } from './stack.ts'

type MessageOf<T extends ServerMessageType> = Extract<ServerMessage, { type: T }>

export interface TestSocket {
  /** The name of the connected replica, from its first message. */
  replica: string
  connectionId: string
  /** The router's `lab_replica=…` cookie, or undefined if the router set none. */
  cookie: string | undefined
  /** The attributes of the router's cookie, such as `HttpOnly`. */
  cookieAttributes: string[]
  /** All messages received so far. */
  received: ServerMessage[]
  /** Resolves when the socket is closed; never rejects. */
  closed: Promise<{ code: number; reason: string; atMs: number }>
  isOpen(): boolean
  send(message: object | string | Buffer): void
  /** Resolves with the first message of the given type that has already arrived or that arrives within the timeout. */
  next<T extends ServerMessageType>(type: T, withinMs?: number): Promise<MessageOf<T>>
  close(): Promise<void>
}

/** The response to a handshake that was refused. */
export class Refused extends Error {
  readonly status: number
  readonly body: string
  constructor(status: number, body: string) {
    super(`handshake refused with ${status}: ${body.slice(0, 200)}`)
    this.status = status
    this.body = body
  }
}

/**
 * Opens a socket through Traefik and waits for its first message. Rejects with a `Refused` error if the handshake is refused, or with the
 * connection error if connecting fails.
 */
export async function openSocket(
  stack: Stack,
  { path = paths.ws, cookie, host }: { path?: string; cookie?: string | undefined; host?: string | undefined } = {},
): Promise<TestSocket> {
  const socket = new WebSocket(url(stack, 'LAB_PORT', path).replace('http', 'ws'), {
    handshakeTimeout: 10_000,
    perMessageDeflate: false,
    headers: { ...(cookie && { cookie }), ...(host && { host }) },
  })
  const received: ServerMessage[] = []
  const listeners = new Set<() => void>()
  let setCookie: string | undefined
  socket.on('upgrade', ({ headers }) => {
    setCookie = headers['set-cookie']?.find((line) => line.startsWith(`${stickyCookie}=`))
  })
  socket.on('message', (data, isBinary) => {
    if (isBinary) return socket.emit('error', new Error('received a binary frame; the protocol has only text frames'))
    received.push(JSON.parse(data.toString()) as ServerMessage)
    for (const listener of listeners) listener()
  })
  const closed = new Promise<{ code: number; reason: string; atMs: number }>((resolve) => {
    socket.on('close', (code, reason) => resolve({ code, reason: reason.toString(), atMs: performance.now() }))
  })

  function next<T extends ServerMessageType>(type: T, withinMs = 5000): Promise<MessageOf<T>> {
    return new Promise((resolve, reject) => {
      const done = () => {
        clearTimeout(timer)
        listeners.delete(check)
      }
      const check = () => {
        const found = received.findIndex((message) => message.type === type)
        if (found === -1) return
        done()
        resolve(received.splice(found, 1)[0] as MessageOf<T>)
      }
      const fail = (why: string) => {
        done()
        reject(new Error(`waiting for ${type}: ${why}; received ${JSON.stringify(received).slice(0, 500)}`))
      }
      const timer = setTimeout(() => fail(`not within ${withinMs} ms`), withinMs)
      closed.then(({ code }) => fail(`closed with ${code}`))
      listeners.add(check)
      check()
    })
  }

  const greeting = await new Promise<MessageOf<'connection_established'>>((resolve, reject) => {
    socket.on('error', reject)
    socket.on('unexpected-response', (request, response) => {
      const chunks: Buffer[] = []
      response.on('data', (chunk: Buffer) => chunks.push(chunk))
      response.on('end', () => reject(new Refused(response.statusCode ?? 0, Buffer.concat(chunks).toString())))
      response.on('error', reject)
      setTimeout(() => request.destroy(), 5000).unref()
    })
    next('connection_established', 12_000).then(resolve, reject)
  })
  const [pair, ...attributes] = (setCookie ?? '').split(/; */)
  return {
    replica: greeting.replica,
    connectionId: greeting.connectionId,
    cookie: setCookie === undefined ? undefined : pair,
    cookieAttributes: attributes,
    received,
    closed,
    isOpen: () => socket.readyState === WebSocket.OPEN,
    send: (message) => socket.send(typeof message === 'string' || Buffer.isBuffer(message) ? message : JSON.stringify(message)),
    next,
    close: async () => {
      socket.close(1000)
      const timer = setTimeout(() => socket.terminate(), 3000)
      await closed
      clearTimeout(timer)
    },
  }
}

/** Opens sockets without cookies until each of the given replicas has one, and closes all other sockets. */
export async function oneSocketPerReplica(stack: Stack, replicas: readonly string[]): Promise<Map<string, TestSocket>> {
  const found = new Map<string, TestSocket>()
  const next = async () => {
    const socket = await openSocket(stack)
    if (!found.has(socket.replica) && replicas.includes(socket.replica)) found.set(socket.replica, socket)
    else await socket.close()
    if (found.size === replicas.length) return found
    throw new Error(`reached so far: ${[...found.keys()]}`)
  }
  // The router may take a moment to discover new replicas.
  return until(`a socket on each of ${replicas}`, next, { withinMs: 20_000, everyMs: 50 })
}
