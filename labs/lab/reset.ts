/** Performs a WebSocket handshake on a raw TCP socket and resets the connection at a chosen point, to simulate an unreliable network. */
import { randomBytes } from 'node:crypto'
import { connect, type Socket } from 'node:net'
import { paths } from '@lab/contract/endpoints.ts'
import { until } from '@lab/host/until.ts'
import type { ResetPoint } from './lab.ts'

/** Time limit for each socket event of a connection. */
const withinMs = 10_000
/** How long to keep retrying a connection that fails to reach the reset point. */
const tryForMs = 5_000

/**
 * Opens and resets the given number of connections, one after another. Rejects if a connection does not reach the reset point within the
 * time limit.
 */
export async function resetConnections(entry: string, at: ResetPoint, times: number): Promise<void> {
  for (let i = 0; i < times; i++) await until(`a reset at ${at}`, () => resetAt(at, entry).then(() => true), { withinMs: tryForMs })
}

/** Resolves when the connection has been reset at the given point; rejects if it does not reach that point. */
async function resetAt(at: ResetPoint, entry: string): Promise<void> {
  const { host, hostname, port } = new URL(entry)
  const socket = connect({ host: hostname, port: Number(port || 80), noDelay: true })
  const request = requestTo(host)
  try {
    await event(socket, 'connect')
    if (at === 'half-request') await write(socket, request.slice(0, request.length / 2))
    // The connection is reset immediately, before the replica's response can arrive through the router.
    if (at === 'request') await write(socket, request)
    if (at === 'upgraded' || at === 'mid-frame') await upgrade(socket, request)
    if (at === 'mid-frame') await write(socket, halfFrame())
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

/** Returns the beginning of a masked text frame: the header announces 100 payload bytes, but only 10 follow. */
function halfFrame(): Buffer {
  return Buffer.concat([Buffer.from([0x81, 0x80 | 100]), randomBytes(4), randomBytes(10)])
}

function write(socket: Socket, data: string | Buffer): Promise<void> {
  return new Promise((resolve, reject) => socket.write(data, (error) => (error ? reject(error) : resolve())))
}

/** Waits for the next socket event with the given name, up to a time limit. */
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
