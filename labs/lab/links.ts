/** Clients that connect to a lab over links which a fault can slow down or cut: TCP proxies between the clients and the lab's entry point. */
import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net'
import { createClient } from '@lab/client/client.ts'
import { nodeEnvironment } from '@lab/client/node.ts'
import type { Client } from '@lab/client/types.ts'
import { until } from '@lab/host/until.ts'
import { socketAddress } from './entry.ts'
import type { Checked, LinksCheck, LinksStep } from './lab.ts'

/** Time limit for all clients to have their first session. */
const connectWithinMs = 30_000
/** Time limit for the closing handshakes of all clients. */
const closeWithinMs = 5_000

interface LinkedClient {
  client: Client
  /** Time from the client's start to its first session. Milliseconds; undefined before the first session. */
  connectedAfterMs: number | undefined
}

/** The clients of one fault, and their links. At most one group of clients exists at a time. */
export class Links {
  private readonly entry: string
  private clients: LinkedClient[] = []
  private readonly open = new Set<Socket>()
  private server: Server | undefined
  private cut = false

  /** @param entry address of the lab's entry point, such as http://127.0.0.1:8000 */
  constructor(entry: string) {
    this.entry = entry
  }

  async take(step: LinksStep): Promise<void> {
    switch (step.how) {
      case 'open':
        return this.start(step.clients, step.delayMs)
      case 'cut':
        this.cut = true
        return
      case 'restore':
        // Connections that were cut cannot be continued, because their data is lost.
        this.cut = false
        for (const socket of this.open) socket.destroy()
        return
      case 'close':
        return this.close()
    }
  }

  /** Returns whether all clients, or none of them, have a session. */
  check({ connected, slowerThanMs = 0 }: LinksCheck): Checked {
    const open = this.clients.filter(({ client }) => client.state.word === 'open')
    const times = this.clients.flatMap(({ connectedAfterMs }) => (connectedAfterMs === undefined ? [] : [Math.round(connectedAfterMs)]))
    const holds = open.length === (connected ? this.clients.length : 0) && times.every((time) => time > slowerThanMs)
    const took = times.length === 0 ? '' : `; the first session took ${Math.min(...times)} to ${Math.max(...times)} ms`
    return { holds, seen: `${open.length} of ${this.clients.length} clients have a session${took}` }
  }

  /** Closes the clients, each with a closing handshake if its link allows one in time. */
  async close(): Promise<void> {
    for (const { client } of this.clients) client.close()
    this.clients = []
    this.server?.close()
    this.server = undefined
    // A connection without a closing handshake would count as dropped. After the time limit, such connections are destroyed.
    await until('the links have ended', () => this.open.size === 0, { withinMs: closeWithinMs }).catch(() => undefined)
    this.cut = false
    for (const socket of this.open) socket.destroy()
  }

  private async start(count: number, delayMs: number): Promise<void> {
    await this.close()
    const server = createServer((near) => this.link(near, delayMs)).listen(0, '127.0.0.1')
    this.server = server
    await once(server, 'listening')
    const url = socketAddress({ entry: `http://127.0.0.1:${(server.address() as AddressInfo).port}` })
    this.clients = Array.from({ length: count }, () => {
      const startedAt = performance.now()
      const linked: LinkedClient = {
        connectedAfterMs: undefined,
        client: createClient(
          {
            url,
            onEvent: ({ type }) => {
              if (type === 'attached') linked.connectedAfterMs ??= performance.now() - startedAt
            },
          },
          nodeEnvironment,
        ),
      }
      return linked
    })
    const all = () => this.clients.every(({ connectedAfterMs }) => connectedAfterMs !== undefined)
    await until('the clients have a session', all, { withinMs: connectWithinMs })
  }

  /** Connects one client to the entry point. While the links are cut, neither data nor the end of a connection reaches the other side. */
  private link(near: Socket, delayMs: number): void {
    const { hostname, port } = new URL(this.entry)
    const far = connect({ host: hostname, port: Number(port || 80), noDelay: true })
    for (const [from, to] of [
      [near, far],
      [far, near],
    ] as const) {
      this.open.add(from)
      // The client library reconnects after an error.
      from.on('error', () => from.destroy())
      from.on('data', (data) => {
        if (!this.cut) setTimeout(() => !this.cut && to.writable && to.write(data), delayMs)
      })
      from.on('close', () => {
        this.open.delete(from)
        if (!this.cut) setTimeout(() => to.destroy(), delayMs)
      })
    }
  }
}
