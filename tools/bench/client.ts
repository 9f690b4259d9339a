/** The load generator's client, which uses raw sockets so that the server, rather than the load generator, is the bottleneck. */
import { connect, type Socket } from 'node:net'
import { FrameReader, maskedFrame, opcodes } from './frames.ts'

const openTimeoutMs = 10_000
/** The maximum length of a valid upgrade response. Bytes. */
const maxHeadBytes = 8192

/** All sockets share one read buffer, because each chunk is processed before the next read. */
const sharedRead = Buffer.allocUnsafe(64 * 1024)
const letters = { error: 'e'.charCodeAt(0), heartbeat: 'h'.charCodeAt(0) } as const
const emptyPong = maskedFrame(opcodes.pong, Buffer.alloc(0))

/** Address of a WebSocket server that the benchmark measures. */
export interface Address {
  host: string
  port: number
}

/** An open connection. Every unexpected event, such as a reset or an `error` message, is reported to `onFailure`. */
export class LoadSocket {
  readonly reader: FrameReader
  /**
   * Called after each chunk of received bytes, with the number of messages that the chunk completed. Heartbeats are not counted, because
   * they are not responses to messages.
   */
  onMessages: (count: number) => void = () => {}
  readonly #socket: Socket
  #onFailure: (error: Error) => void
  #onOpen: (() => void) | undefined
  #head = ''
  #upgraded = false
  #ended = false
  #seen = 0

  private constructor(address: Address, id: string, onOpen: () => void, onFailure: (error: Error) => void) {
    this.#onOpen = onOpen
    this.#onFailure = onFailure
    this.reader = new FrameReader((opcode, payload) => this.#control(opcode, payload))
    this.#socket = connect({
      ...address,
      noDelay: true,
      onread: {
        buffer: sharedRead,
        callback: (length) => {
          this.#take(length)
          return true
        },
      },
    })
    this.#socket.on('error', (error) => this.#fail(error))
    this.#socket.on('close', () => this.#fail(new Error('the server closed the connection')))
    this.#socket.write(
      `GET /ws/chat/${id} HTTP/1.1\r\nHost: ${address.host}:${address.port}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n` +
        'Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n',
    )
  }

  /**
   * Connects and waits for the server's first message, which is connection_established.
   * @param id the connection id, which becomes part of the URL path
   * @param onFailure called at most once, for the first failure after the connection is open
   * @throws Error if the connection is not open within 10 s
   */
  static async open(address: Address, id: string, onFailure: (error: Error) => void): Promise<LoadSocket> {
    const { promise, resolve, reject } = Promise.withResolvers<void>()
    const timer = setTimeout(() => reject(new Error(`not open within ${openTimeoutMs} ms`)), openTimeoutMs)
    const opening = new LoadSocket(address, id, resolve, reject)
    try {
      await promise
      opening.#onFailure = onFailure
      return opening
    } catch (error) {
      opening.end()
      throw error
    } finally {
      clearTimeout(timer)
    }
  }

  /** Writes one or more frames that were built by `maskedFrame`. */
  write(frames: Buffer): void {
    this.#socket.write(frames)
  }

  /**
   * Resets the connection, so that its port does not remain in the TIME_WAIT state. Once `end` has been called, failures of the connection
   * are no longer reported.
   */
  end(): void {
    this.#ended = true
    this.#socket.resetAndDestroy()
  }

  #take(length: number): void {
    try {
      const start = this.#upgraded ? 0 : this.#readHead(length)
      this.reader.read(sharedRead, start, length)
    } catch (error) {
      this.#fail(error as Error)
      return
    }
    const { messages, byLetter } = this.reader.counts
    const count = messages - (byLetter[letters.heartbeat] ?? 0) - this.#seen
    if (count === 0) return
    this.#seen += count
    if (byLetter[letters.error]) {
      this.#fail(new Error('the server answered with an error message'))
      return
    }
    if (this.#onOpen) {
      this.#onOpen()
      this.#onOpen = undefined
    }
    this.onMessages(count)
  }

  /** Reads the upgrade response and returns the offset of the first frame. */
  #readHead(length: number): number {
    const before = this.#head.length
    this.#head += sharedRead.toString('latin1', 0, length)
    const end = this.#head.indexOf('\r\n\r\n')
    if (end < 0) {
      if (this.#head.length > maxHeadBytes) throw new Error('the response to the upgrade is too long')
      return length
    }
    if (!this.#head.startsWith('HTTP/1.1 101')) throw new Error(`upgrade refused: ${this.#head.split('\r\n', 1)[0]}`)
    this.#upgraded = true
    this.#head = ''
    return end + 4 - before
  }

  #control(opcode: number, payload: Buffer): void {
    if (opcode === opcodes.ping) this.#socket.write(payload.length === 0 ? emptyPong : maskedFrame(opcodes.pong, payload))
    if (opcode === opcodes.close)
      this.#fail(new Error(`the server closed with ${payload.length >= 2 ? payload.readUInt16BE(0) : 'no code'}`))
  }

  #fail(error: Error): void {
    if (this.#ended) return
    this.end()
    this.#onFailure(error)
  }
}

/** A group of connections that are closed together. The first failure of any connection ends the measurement. */
export class BenchClients {
  readonly sockets: LoadSocket[] = []
  readonly #failure = Promise.withResolvers<never>()

  constructor() {
    // `during` reports the failure of a connection; this empty handler only prevents an unhandled rejection from ending the process.
    this.#failure.promise.catch(() => {})
  }

  /**
   * Opens `count` more connections, at most `atOnce` of them concurrently.
   * @throws Error if a connection cannot be opened, in which case no more connections are opened
   */
  async open(address: Address, count: number, atOnce = 128): Promise<void> {
    const until = this.sockets.length + count
    let next = this.sockets.length
    const worker = async () => {
      while (next < until) {
        const id = `bench-${next++}`
        this.sockets.push(await LoadSocket.open(address, id, (error) => this.#failure.reject(new Error(`${id}: ${error.message}`))))
      }
    }
    try {
      await this.during(Promise.all(Array.from({ length: Math.min(atOnce, count) }, worker)))
    } catch (error) {
      next = until
      throw error
    }
  }

  /** Waits for a promise. Rejects as soon as any connection fails. */
  during<T>(waiting: Promise<T>): Promise<T> {
    return Promise.race([waiting, this.#failure.promise])
  }

  /** Closes all connections. */
  end(): void {
    for (const socket of this.sockets) socket.end()
  }
}
