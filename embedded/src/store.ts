/**
 * The embedded lab's store, which emulates Valkey within the lab's process. Replicas connect to this store over loopback, just as they
 * would connect to Valkey.
 */
import { once } from 'node:events'
import { type AddressInfo, createServer, type Socket } from 'node:net'
import { type Reply, StoreError, StoreModel } from '@lab/ws/valkey/model.ts'
import { CommandReader, encodePush, encodeReply } from './resp.ts'

/** Maximum number of open connections; each replica opens two connections. */
const mostConnections = 200
/** Maximum total size of a client's unread replies, in bytes; a client that exceeds it is disconnected. */
const mostUnread = 64 * 1024 * 1024

export interface Store {
  /** Address of the store, such as valkey://127.0.0.1:41231. */
  readonly url: string
  /** Closes the store's port and all its connections, or reopens the port with the same data. */
  set(up: boolean): Promise<void>
  end(): Promise<void>
}

/** Starts the store on a free port. Rejects if no port is available. */
export async function startStore(): Promise<Store> {
  const clients = new Set<Client>()
  const model = new StoreModel(Date.now, (channel, text) => {
    for (const client of clients) client.deliver(channel, text)
  })
  const server = createServer({ noDelay: true }, (socket) => {
    const client = new Client(socket, (command) => {
      const reply = answer(command)
      // The script may have written to a stream that a blocked XREAD command is waiting for, so every blocked command is retried.
      if (/^evalsha$/i.test(command[0] ?? '')) for (const waiting of clients) waiting.retry()
      return reply
    })
    clients.add(client)
    socket.once('close', () => {
      clients.delete(client)
      client.end()
    })
  })
  server.maxConnections = mostConnections

  function answer(command: string[]): Reply {
    if (!/^info$/i.test(command[0] ?? '')) return model.run(command)
    const memory = process.memoryUsage().rss
    // The reported maxmemory is 0 (no limit), because only the scripts limit the amount of data.
    return `connected_clients:${clients.size}\r\nused_memory:${memory}\r\nmaxmemory:0\r\ntotal_commands_processed:${model.commands}\r\n`
  }
  let port = 0
  const listen = async () => {
    server.listen(port, '127.0.0.1')
    await once(server, 'listening')
    port = (server.address() as AddressInfo).port
  }
  const close = async () => {
    if (!server.listening) return
    server.close()
    for (const client of clients) client.end()
    await once(server, 'close')
  }
  await listen()
  return {
    url: `valkey://127.0.0.1:${port}`,
    set: async (up) => {
      if (!up) return close()
      if (!server.listening) await listen()
    },
    end: close,
  }
}

/** One connection. The store replies to a connection's commands in order; a blocked XREAD delays the commands that follow it. */
class Client {
  private readonly socket: Socket
  private readonly run: (command: string[]) => Reply
  private readonly reader = new CommandReader()
  private readonly channels = new Set<string>()
  private readonly queue: string[][] = []
  private blocked: { command: string[]; timer: NodeJS.Timeout } | undefined
  private version: 2 | 3 = 2

  constructor(socket: Socket, run: (command: string[]) => Reply) {
    this.socket = socket
    this.run = run
    socket.on('error', () => socket.destroy())
    socket.on('data', (data) => {
      try {
        this.queue.push(...this.reader.take(data))
      } catch (error) {
        socket.end(`-ERR Protocol error: ${(error as Error).message}\r\n`, 'latin1')
        return
      }
      this.work()
    })
  }

  /** Delivers a message from a channel, if the client has subscribed to that channel. */
  deliver(channel: string, text: string): void {
    if (this.channels.has(channel)) this.write(encodePush(['message', channel, text]))
  }

  /** Retries a blocked XREAD command, and sends a reply if the stream has data or the command has timed out. */
  retry(late = false): void {
    if (this.blocked === undefined) return
    const { command, timer } = this.blocked
    const reply = this.run(command)
    if (reply === null && !late) return
    clearTimeout(timer)
    this.blocked = undefined
    this.write(encodeReply(reply, this.version))
    this.work()
  }

  end(): void {
    clearTimeout(this.blocked?.timer)
    this.blocked = undefined
    this.queue.length = 0
    this.socket.destroy()
  }

  private work(): void {
    while (this.blocked === undefined) {
      const command = this.queue.shift()
      if (command === undefined) return
      const [name = '', ...args] = command
      switch (name.toUpperCase()) {
        case 'HELLO':
          this.version = args[0] === '3' ? 3 : 2
          this.write(
            encodeReply(
              new Map<string, Reply>([
                ['server', 'valkey'],
                ['proto', this.version],
              ]),
              this.version,
            ),
          )
          break
        case 'SUBSCRIBE':
          for (const channel of args) {
            this.channels.add(channel)
            this.write(encodePush(['subscribe', channel, this.channels.size]))
          }
          break
        default:
          this.answer(command)
      }
    }
  }

  private answer(command: string[]): void {
    const reply = this.run(command)
    const block = command.indexOf('BLOCK')
    if (reply === null && command[0] === 'XREAD' && block !== -1) {
      this.blocked = { command, timer: setTimeout(() => this.retry(true), Number(command[block + 1])) }
      return
    }
    this.write(reply instanceof StoreError ? `-${reply.message}\r\n` : encodeReply(reply, this.version))
  }

  private write(text: string): void {
    this.socket.write(text, 'latin1')
    if (this.socket.writableLength > mostUnread) this.end()
  }
}
