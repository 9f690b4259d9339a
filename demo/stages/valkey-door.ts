/** Stands before a Valkey that is not ours to stop: shut, nobody gets to it, and those that were there are cut off. */
import { once } from 'node:events'
import { connect, createServer, type Socket } from 'node:net'
import type { ValkeyServer } from '../../embedded/src/valkey-server.ts'

/** @param target as in valkey://user:password@host:6379 */
export async function openDoor(target: string): Promise<ValkeyServer> {
  const { hostname, port } = new URL(target)
  const inside = new Set<Socket>()
  let shut = false
  const server = createServer((client) => {
    if (shut) return client.destroy()
    const beyond = connect({ host: hostname, port: Number(port || 6379) })
    for (const [one, other] of [
      [client, beyond],
      [beyond, client],
    ] as const) {
      inside.add(one)
      one.setNoDelay(true)
      one.on('error', () => one.destroy())
      one.once('close', () => {
        inside.delete(one)
        other.destroy()
      })
      one.pipe(other)
    }
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const url = new URL(target)
  url.host = `127.0.0.1:${(server.address() as { port: number }).port}`
  const cut = () => {
    for (const socket of inside) socket.destroy()
  }
  return {
    url: url.href,
    set: async (up) => {
      shut = !up
      if (shut) cut()
    },
    end: async () => {
      server.close()
      cut()
    },
  }
}
