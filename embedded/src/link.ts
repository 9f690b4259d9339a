/**
 * A connection to a replica over a network that can be slow or cut. Slow: what the replica says arrives later. Cut: nothing
 * arrives at either side, not even that the other one closed, and all of it does when the network is whole again.
 */
import type { Socket } from 'node:net'
import { Duplex } from 'node:stream'

/** How the network is. */
export interface Weather {
  /** How late what the replica says arrives. Milliseconds. */
  delayMs: number
  cut: boolean
}

/** What may be under way in one direction before its sender has to wait. Bytes. */
const maxUnderWay = 256 * 1024

interface Parcel {
  dueMs: number
  bytes: number
  arrive: () => void
}

/** One direction: parcels arrive in the order in which they were sent. */
class Way {
  private readonly parcels: Parcel[] = []
  private readonly weather: () => Weather
  private timer: NodeJS.Timeout | undefined
  private underWay = 0

  constructor(weather: () => Weather) {
    this.weather = weather
  }

  get isFull(): boolean {
    return this.underWay >= maxUnderWay
  }

  send(bytes: number, arrive: () => void): void {
    const { delayMs, cut } = this.weather()
    if (this.parcels.length === 0 && delayMs === 0 && !cut) {
      arrive()
      return
    }
    this.parcels.push({ dueMs: performance.now() + delayMs, bytes, arrive })
    this.underWay += bytes
    this.deliver()
  }

  /** Lets arrive what is due; call it when the weather has changed. */
  deliver(): void {
    clearTimeout(this.timer)
    const { delayMs, cut } = this.weather()
    if (cut) return
    // Nothing takes longer than what is sent now would.
    const latest = performance.now() + delayMs
    for (let next = this.parcels[0]; next !== undefined; next = this.parcels[0]) {
      const leftMs = Math.min(next.dueMs, latest) - performance.now()
      if (leftMs > 0) {
        this.timer = setTimeout(() => this.deliver(), Math.ceil(leftMs))
        return
      }
      this.parcels.shift()
      this.underWay -= next.bytes
      next.arrive()
    }
  }
}

export class Link extends Duplex {
  private readonly socket: Socket
  private readonly toReplica: Way
  private readonly fromReplica: Way
  private ended = false

  /**
   * @param socket connected to the replica, with allowHalfOpen: by itself it would answer an end that has not arrived yet
   * @param weather how the network to this replica is now
   */
  constructor(socket: Socket, weather: () => Weather) {
    super({ allowHalfOpen: false })
    this.socket = socket
    this.toReplica = new Way(() => ({ delayMs: 0, cut: weather().cut }))
    this.fromReplica = new Way(weather)
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

  /** Both sides are closed: the weather does not matter any more. */
  get isOver(): boolean {
    return this.destroyed && this.socket.destroyed
  }

  /** To be called when the weather has changed. */
  weatherChanged(): void {
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
    // What was written before is still sent, unless something broke.
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

  // What an HTTP client asks of its socket.
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
