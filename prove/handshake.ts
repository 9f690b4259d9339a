/** A handshake by hand, ended by a TCP reset at a chosen point: what a client does whose network breaks just then. */
import { randomBytes } from 'node:crypto'
import { connect, type Socket } from 'node:net'
import { paths } from '../contract/src/endpoints.ts'
import type { FaultKind } from './core/fault-kinds.ts'

export type ResetPhase = Extract<FaultKind, `reset-${string}`>

const withinMs = 10_000

/**
 * @param entry ws://HOST:PORT
 * @returns once the reset was sent, at that point; rejects when that point is not reached
 */
export async function resetAt(phase: ResetPhase, entry: string): Promise<void> {
  const { hostname, port } = new URL(entry)
  const socket = connect({ host: hostname, port: Number(port), noDelay: true })
  const request = requestTo(`${hostname}:${port}`)
  try {
    await event(socket, 'connect')
    if (phase === 'reset-half-request') await write(socket, request.slice(0, request.length / 2))
    // The answer takes a turn through router and replica, the reset goes at once.
    if (phase === 'reset-request') await write(socket, request)
    if (phase === 'reset-upgraded' || phase === 'reset-mid-frame') await upgrade(socket, request)
    if (phase === 'reset-mid-frame') await write(socket, halfFrame())
  } finally {
    socket.on('error', () => {})
    socket.resetAndDestroy()
  }
}

function requestTo(host: string): string {
  const lines = [
    `GET ${paths.ws} HTTP/1.1`,
    `Host: ${host}`,
    'Connection: Upgrade',
    'Upgrade: websocket',
    'Sec-WebSocket-Version: 13',
    `Sec-WebSocket-Key: ${randomBytes(16).toString('base64')}`,
  ]
  return `${lines.join('\r\n')}\r\n\r\n`
}

async function upgrade(socket: Socket, request: string): Promise<void> {
  await write(socket, request)
  const [answer] = (await event(socket, 'data')) as [Buffer]
  const line = answer.toString('latin1').split('\r\n', 1)[0] ?? ''
  if (!line.startsWith('HTTP/1.1 101')) throw new Error(`the handshake was answered with ${line}`)
}

/** A masked text frame that promises 100 bytes and brings 10. */
function halfFrame(): Buffer {
  return Buffer.concat([Buffer.from([0x81, 0x80 | 100]), randomBytes(4), randomBytes(10)])
}

function write(socket: Socket, data: string | Buffer): Promise<void> {
  return new Promise((resolve, reject) => socket.write(data, (error) => (error ? reject(error) : resolve())))
}

/** The next such event of the socket, within the bound. */
function event(socket: Socket, name: 'connect' | 'data'): Promise<unknown[]> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error(`no ${name} within ${withinMs} ms`)), withinMs)
    const failed = (error: Error) => {
      clearTimeout(timer)
      reject(error)
    }
    socket.once('error', failed)
    socket.once(name, (...args: unknown[]) => {
      clearTimeout(timer)
      socket.off('error', failed)
      resolve(args)
    })
  })
}
