/** Clients that know which replica they want, and misbehave on purpose. */
import { createHash } from 'node:crypto'
import WebSocket from 'ws'
import { ports, services, stickyCookie } from '../../../contract/src/endpoints.ts'
import { openSocket, type TestSocket } from '../../stack/lib/socket.ts'
import { containers, replicaName, type Stack, url } from '../../stack/lib/stack.ts'
import { until } from '../../stack/lib/until.ts'

/** The cookie that leads to a replica: Traefik's hash of the server's address. */
export async function cookieOf(stack: Stack, replica: string): Promise<string> {
  const container = (await containers(stack, services.ws)).find((one) => replicaName(one) === replica)
  const address = container?.NetworkSettings.Networks[`${stack.project}_lab`]?.IPAddress
  if (!address) throw new Error(`${replica} does not run on the network lab`)
  const hash = createHash('sha256').update(`http://${address}:${ports.public}`).digest('hex')
  return `${stickyCookie}=${hash.slice(0, 16)}`
}

/** Opens sockets on one replica. */
export async function openOn(stack: Stack, replica: string, count: number): Promise<TestSocket[]> {
  const cookie = await cookieOf(stack, replica)
  const sockets: TestSocket[] = []
  for (let i = 0; i < count; i++) {
    sockets.push(
      await until(
        `a socket on ${replica}`,
        async () => {
          const socket = await openSocket(stack, { cookie })
          if (socket.replica === replica) return socket
          await socket.close()
          return undefined
        },
        40_000,
        1000,
      ),
    )
  }
  return sockets
}

export async function closeAll(sockets: readonly TestSocket[]): Promise<void> {
  await Promise.all(sockets.map((socket) => socket.close()))
}

/** A handshake whose outcome does not matter; an open socket is closed again, or cut without a close frame. */
export function knock(stack: Stack, path: string, { cookie = '', cut = false } = {}): void {
  const socket = new WebSocket(url(stack, 'LAB_PORT', path).replace('http', 'ws'), {
    handshakeTimeout: 10_000,
    headers: cookie === '' ? {} : { cookie },
  })
  // Being refused is what it is for.
  socket.on('error', () => undefined)
  socket.on('open', () => (cut ? socket.terminate() : socket.close(1000)))
}

/** Does something again and again until told to stop. */
export function again(everyMs: number, act: () => void): () => void {
  const timer = setInterval(act, everyMs)
  return () => clearInterval(timer)
}
