/**
 * A TCP proxy that simulates failures of a Valkey server when the lab must not stop the server itself. While the proxy is down, it refuses
 * new connections and closes existing ones.
 */
import { once } from 'node:events'
import { connect, createServer, type Socket } from 'node:net'
import type { Store } from '@lab/embedded/store.ts'

/** @param target address of the Valkey server, for example valkey://user:password@host:6379 */
export async function relayTo(target: string): Promise<Store> {
  const { hostname, port } = new URL(target)
  const open = new Set<Socket>()
  let refuses = false
  const server = createServer((client) => {
    if (refuses) return client.destroy()
    const upstream = connect({ host: hostname, port: Number(port || 6379) })
    for (const [one, other] of [
      [client, upstream],
      [upstream, client],
    ] as const) {
      open.add(one)
      one.setNoDelay(true)
      one.on('error', () => one.destroy())
      one.once('close', () => {
        open.delete(one)
        other.destroy()
      })
      one.pipe(other)
    }
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const url = new URL(target)
  url.host = `127.0.0.1:${(server.address() as { port: number }).port}`
  const cut = () => {
    for (const socket of open) socket.destroy()
  }
  return {
    url: url.href,
    set: async (up) => {
      refuses = !up
      if (refuses) cut()
    },
    end: async () => {
      server.close()
      cut()
    },
  }
}
