/** Test helpers: a WebSocket client that records its events, and a TCP proxy that can stop forwarding data. */
import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'
import { type Client, type ClientEvent, type ClientOptions, createClient } from '@lab/client/client.ts'
import { onTestFinished } from 'vitest'

type Event<T extends ClientEvent['type']> = Extract<ClientEvent, { type: T }>

export interface TestClient extends Client {
  events: ClientEvent[]
  of<T extends ClientEvent['type']>(type: T): Event<T>[]
  /** The data of the room messages that were delivered to the client. */
  data(room?: string): unknown[]
}

/**
 * Creates a client with real sockets and timers, and closes the client after the test. The test client's backoff is shorter than the
 * default.
 */
export function testClient(options: Omit<ClientOptions, 'onEvent'>): TestClient {
  const events: ClientEvent[] = []
  const client = createClient({ backoffBaseMs: 50, ...options, onEvent: (event) => void events.push(event) })
  onTestFinished(() => client.close())
  const of: TestClient['of'] = (type) => events.filter((event): event is Event<typeof type> => event.type === type)
  return Object.defineProperties({} as TestClient, {
    ...Object.getOwnPropertyDescriptors(client),
    ...Object.getOwnPropertyDescriptors({
      events,
      of,
      data: (room?: string) =>
        of('message')
          .filter(({ message }) => room === undefined || message.room === room)
          .map(({ message }) => message.data),
    }),
  })
}

/**
 * Starts a TCP proxy that forwards connections to a local port. While stalled, the proxy discards all data and leaves its connections
 * open.
 */
export async function stallingProxy(port: number): Promise<{ port: number; stall: () => void; reset: () => void; heal: () => void }> {
  const pairs = new Set<[Socket, Socket]>()
  let stalled = false
  const server = createServer((inside) => {
    const outside = connect(port, '127.0.0.1')
    const pair: [Socket, Socket] = [inside, outside]
    pairs.add(pair)
    for (const [from, to] of [pair, [outside, inside] as const]) {
      from.on('error', () => {})
      from.on('data', (data) => !stalled && to.write(data))
      from.on('end', () => !stalled && to.end())
      from.on('close', () => {
        pairs.delete(pair)
        if (!stalled) to.destroy()
      })
    }
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  onTestFinished(() => {
    for (const pair of pairs) for (const socket of pair) socket.destroy()
    server.close()
  })
  return {
    port: (server.address() as AddressInfo).port,
    stall: () => {
      stalled = true
    },
    heal: () => {
      stalled = false
    },
    reset: () => {
      for (const pair of pairs) for (const socket of pair) socket.resetAndDestroy()
    },
  }
}
