/** For tests: a client whose events are kept, and a link that can go dead without a word. */
import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'
import { onTestFinished } from 'vitest'
import { type Client, type ClientEvent, type ClientOptions, createClient } from '../src/client.ts'

type Event<T extends ClientEvent['type']> = Extract<ClientEvent, { type: T }>

export interface TestClient extends Client {
  events: ClientEvent[]
  of<T extends ClientEvent['type']>(type: T): Event<T>[]
  /** Data of the room messages that were handed on. */
  data(room?: string): unknown[]
}

/** A client of its own sockets and timers that ends with the test. Comes back faster than a person's would. */
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

/** A TCP link to a port of this machine that stops forwarding, and forgets nothing, when asked to. */
export async function brittleLink(port: number): Promise<{ port: number; stall: () => void; reset: () => void; heal: () => void }> {
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
