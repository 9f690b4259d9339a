/** Clients that connect to a chosen replica and misbehave on purpose. */
import { createHash } from 'node:crypto'
import { ports, services, stickyCookie } from '@lab/contract/endpoints.ts'
import { replicaName } from '@lab/host/replicas.ts'
import { until } from '@lab/host/until.ts'
import WebSocket from 'ws'
import { openSocket, type TestSocket } from '../../stack/lib/socket.ts'
import { containers, type Stack, url } from '../../stack/lib/stack.ts'

/** Returns a replica's sticky cookie: Traefik's hash of the server address. */
export async function cookieOf(stack: Stack, replica: string): Promise<string> {
  const container = (await containers(stack, services.ws)).find((one) => replicaName(one.Config.Labels) === replica)
  const address = container?.NetworkSettings.Networks[`${stack.project}_lab`]?.IPAddress
  if (!address) throw new Error(`${replica} is not running on the network lab`)
  const hash = createHash('sha256').update(`http://${address}:${ports.public}`).digest('hex')
  return `${stickyCookie}=${hash.slice(0, 16)}`
}

/** Opens the given number of sockets on one replica. */
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
        { withinMs: 40_000, everyMs: 1000 },
      ),
    )
  }
  return sockets
}

export async function closeAll(sockets: readonly TestSocket[]): Promise<void> {
  await Promise.all(sockets.map((socket) => socket.close()))
}

/**
 * Starts a WebSocket handshake without waiting for its result. If the socket opens, it is then either closed normally or cut without a
 * close frame.
 */
export function knock(stack: Stack, path: string, { cookie = '', cut = false } = {}): void {
  const socket = new WebSocket(url(stack, 'LAB_PORT', path).replace('http', 'ws'), {
    handshakeTimeout: 10_000,
    headers: cookie === '' ? {} : { cookie },
  })
  // A refusal is expected.
  socket.on('error', () => undefined)
  socket.on('open', () => (cut ? socket.terminate() : socket.close(1000)))
}

/** Repeats an action at an interval until the returned function is called. */
export function again(everyMs: number, act: () => void): () => void {
  const timer = setInterval(act, everyMs)
  return () => clearInterval(timer)
}
