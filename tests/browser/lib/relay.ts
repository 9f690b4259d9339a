/**
 * A TCP relay that can stop forwarding bytes. While forwarding is stopped, the relay's connections stay open, and neither side is notified.
 */
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'

export interface Relay {
  port: number
  /** Stops or resumes forwarding. */
  cut(held: boolean): void
  end(): Promise<void>
}

/** Starts a relay. @param port the target port on 127.0.0.1 */
export async function startRelay(port: number): Promise<Relay> {
  const sockets = new Set<Socket>()
  let held = false
  const keep = (socket: Socket) => {
    sockets.add(socket)
    socket.on('error', () => socket.destroy())
    socket.on('close', () => sockets.delete(socket))
    if (held) socket.pause()
  }
  const server = createServer((here) => {
    const there = connect({ port, host: '127.0.0.1' })
    for (const [one, other] of [
      [here, there],
      [there, here],
    ] as const) {
      one.on('data', (data) => other.write(data))
      one.on('end', () => other.end())
      one.on('close', () => other.destroy())
      keep(one)
    }
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    port: (server.address() as AddressInfo).port,
    cut: (now) => {
      held = now
      for (const socket of sockets) {
        if (now) socket.pause()
        else socket.resume()
      }
    },
    end: async () => {
      for (const socket of sockets) socket.destroy()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}
