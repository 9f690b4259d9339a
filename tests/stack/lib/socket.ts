/** A WebSocket as a dialogue: send, and wait for what must come. */
import { setTimeout as sleep } from 'node:timers/promises'
import WebSocket from 'ws'
import { paths, stickyCookie } from '../../../contract/src/endpoints.ts'
import type { ServerMessageType } from '../../../contract/src/messages.ts'
import type { ServerMessage } from '../../../services/ws/src/protocol.ts'
import { type Stack, url } from './stack.ts'

type MessageOf<T extends ServerMessageType> = Extract<ServerMessage, { type: T }>

export interface TestSocket {
  /** The replica it reached, by the name the replica gives itself. */
  replica: string
  connectionId: string
  /** `lab_replica=…` as the router set it, or undefined when it set none. */
  cookie: string | undefined
  /** Attributes of that cookie. */
  cookieAttributes: string[]
  /** Everything received so far. */
  received: ServerMessage[]
  /** Resolves, never rejects, when the socket is closed. */
  closed: Promise<{ code: number; reason: string; atMs: number }>
  isOpen(): boolean
  send(message: object | string | Buffer): void
  /** The first message of that type, already here or within the bound. */
  next<T extends ServerMessageType>(type: T, withinMs?: number): Promise<MessageOf<T>>
  close(): Promise<void>
}

/** A handshake that was answered, but not with a socket. */
export class Refused extends Error {
  readonly status: number
  readonly body: string
  constructor(status: number, body: string) {
    super(`handshake refused with ${status}: ${body.slice(0, 200)}`)
    this.status = status
    this.body = body
  }
}

/** Opens a socket through the lab's entry and waits for its greeting; rejects with `Refused`, or the error of the connection. */
export async function openSocket(
  stack: Stack,
  { path = paths.ws, cookie }: { path?: string; cookie?: string | undefined } = {},
): Promise<TestSocket> {
  const socket = new WebSocket(url(stack, 'LAB_PORT', path).replace('http', 'ws'), {
    handshakeTimeout: 10_000,
    perMessageDeflate: false,
    headers: cookie ? { cookie } : {},
  })
  const received: ServerMessage[] = []
  const listeners = new Set<() => void>()
  let setCookie: string | undefined
  socket.on('upgrade', ({ headers }) => {
    setCookie = headers['set-cookie']?.find((line) => line.startsWith(`${stickyCookie}=`))
  })
  socket.on('message', (data, isBinary) => {
    if (isBinary) return socket.emit('error', new Error('a binary frame came; the protocol has text frames only'))
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
        listeners.delete(look)
      }
      const look = () => {
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
      listeners.add(look)
      look()
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

/** Opens sockets without cookies until every one of the given replicas has one; the rest are closed again. */
export async function oneSocketPerReplica(stack: Stack, replicas: readonly string[]): Promise<Map<string, TestSocket>> {
  const found = new Map<string, TestSocket>()
  // The router takes a moment to find new replicas.
  const deadline = performance.now() + 20_000
  while (found.size < replicas.length && performance.now() < deadline) {
    const socket = await openSocket(stack)
    if (!found.has(socket.replica) && replicas.includes(socket.replica)) found.set(socket.replica, socket)
    else await Promise.all([socket.close(), sleep(50)])
  }
  if (found.size < replicas.length) throw new Error(`only ${[...found.keys()]} of ${replicas} were reached`)
  return found
}
