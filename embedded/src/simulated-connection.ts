/**
 * A connection to a replica over a network that can be slow or cut. On a slow network, data from the replica arrives late.
 * On a cut network, neither side receives anything, not even the end of the connection, until the network is restored.
 */
import type { Socket } from 'node:net'
import { Duplex } from 'node:stream'

/** The state of the simulated network. */
export interface NetworkState {
  /** Delay of data sent from the replica to the client. Milliseconds. */
  delayMs: number
  cut: boolean
}

/** If this many bytes are queued in one direction, the sender has to wait. */
const maxQueuedBytes = 256 * 1024

interface QueuedChunk {
  dueMs: number
  bytes: number
  arrive: () => void
}

/** Delays and delivers a connection's data in one direction. Chunks arrive in the order in which they were sent. */
class Direction {
  private readonly queue: QueuedChunk[] = []
  private readonly networkState: () => NetworkState
  private timer: NodeJS.Timeout | undefined
  private queuedBytes = 0

  constructor(networkState: () => NetworkState) {
    this.networkState = networkState
  }

  get isFull(): boolean {
    return this.queuedBytes >= maxQueuedBytes
  }

  send(bytes: number, arrive: () => void): void {
    const { delayMs, cut } = this.networkState()
    if (this.queue.length === 0 && delayMs === 0 && !cut) {
      arrive()
      return
    }
    this.queue.push({ dueMs: performance.now() + delayMs, bytes, arrive })
    this.queuedBytes += bytes
    this.deliver()
  }

  /** Delivers the chunks that are due; must be called whenever the simulated network changes state. */
  deliver(): void {
    clearTimeout(this.timer)
    const { delayMs, cut } = this.networkState()
    if (cut) return
    // After the delay is reduced, queued chunks arrive no later than new ones.
    const latest = performance.now() + delayMs
    for (let next = this.queue[0]; next !== undefined; next = this.queue[0]) {
      const leftMs = Math.min(next.dueMs, latest) - performance.now()
      if (leftMs > 0) {
        this.timer = setTimeout(() => this.deliver(), Math.ceil(leftMs))
        return
      }
      this.queue.shift()
      this.queuedBytes -= next.bytes
      next.arrive()
    }
  }
}

export class SimulatedConnection extends Duplex {
  private readonly socket: Socket
  private readonly toReplica: Direction
  private readonly fromReplica: Direction
  private ended = false

  /**
   * @param socket connection to the replica, opened with allowHalfOpen so that it does not close before the end of the stream is delivered
   * @param networkState returns the current network state for this replica
   */
  constructor(socket: Socket, networkState: () => NetworkState) {
    super({ allowHalfOpen: false })
    this.socket = socket
    this.toReplica = new Direction(() => ({ delayMs: 0, cut: networkState().cut }))
    this.fromReplica = new Direction(networkState)
    socket.on('data', (chunk: Buffer) => {
      this.fromReplica.send(chunk.length, () => {
        if (!this.destroyed && !this.push(chunk)) socket.pause()
        else if (!this.fromReplica.isFull) socket.resume()
      })
      if (this.fromReplica.isFull) socket.pause()
    })
    socket.on('end', () => this.endReading())
    socket.on('error', (error) => this.fromReplica.send(0, () => this.destroy(error)))
    socket.on('close', () => this.endReading())
    socket.on('timeout', () => this.emit('timeout'))
  }

  /** Whether both sides of the connection are closed, so that the network state no longer matters. */
  get isOver(): boolean {
    return this.destroyed && this.socket.destroyed
  }

  /** Delivers the data that is due; must be called whenever the simulated network changes state. */
  networkChanged(): void {
    this.toReplica.deliver()
    this.fromReplica.deliver()
  }

  override _read(): void {
    if (!this.fromReplica.isFull) this.socket.resume()
  }

  override _write(chunk: Buffer, _encoding: string, done: (error?: Error | null) => void): void {
    const { socket, toReplica } = this
    const mayGoOn = () => (socket.writableNeedDrain ? void socket.once('drain', () => done()) : done())
    let waits = false
    toReplica.send(chunk.length, () => {
      if (!socket.destroyed) socket.write(chunk)
      if (waits) mayGoOn()
    })
    waits = toReplica.isFull
    if (!waits) mayGoOn()
  }

  override _final(done: (error?: Error | null) => void): void {
    this.toReplica.send(0, () => void this.socket.end())
    done()
  }

  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    // Data written before the connection was closed is still sent, unless an error occurred.
    this.toReplica.send(0, () => (error === null ? this.socket.destroySoon() : void this.socket.destroy()))
    done(error)
  }

  private endReading(): void {
    if (this.ended) return
    this.ended = true
    this.fromReplica.send(0, () => {
      if (!this.destroyed) this.push(null)
    })
  }

  // Node's HTTP client calls setTimeout, setNoDelay, setKeepAlive, ref and unref on its socket, so SimulatedConnection must implement them.
  setTimeout(ms: number): this {
    this.socket.setTimeout(ms)
    return this
  }

  setNoDelay(on?: boolean): this {
    this.socket.setNoDelay(on)
    return this
  }

  setKeepAlive(on?: boolean, ms?: number): this {
    this.socket.setKeepAlive(on, ms)
    return this
  }

  ref(): this {
    this.socket.ref()
    return this
  }

  unref(): this {
    this.socket.unref()
    return this
  }
}
