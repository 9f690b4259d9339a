/** A simulation's store: a simulated Valkey process, and the links from the replicas to that process. */
import type { Argument, CommandOptions, ConnectionOptions, ValkeyConnection } from '@lab/ws/valkey/connection.ts'
import { type Reply, type Snapshot, StoreError, StoreModel } from '@lab/ws/valkey/model.ts'
import { open, publish, type Script } from '@lab/ws/valkey/scripts.ts'
import { Channel, Process, type Timeline } from './timeline.ts'

export interface StoreOptions {
  timeline: Timeline
  /** The Unix time, in milliseconds, at which virtual time begins. */
  epochMs: number
  /** Returns the delay of a command or a reply. Milliseconds. */
  delayMs: () => number
  /** Called when the room log may have a new entry. */
  onAdded?: () => void
}

export class Store {
  readonly process = new Process()
  readonly model: StoreModel
  readonly timeline: Timeline
  readonly delayMs: () => number
  up = true
  /** How far the store's clock is ahead of virtual time. Milliseconds. */
  clockAheadMs = 0
  private readonly onAdded: () => void
  private readonly connections = new Set<Connection>()

  constructor({ timeline, epochMs, delayMs, onAdded = () => {} }: StoreOptions) {
    this.timeline = timeline
    this.delayMs = delayMs
    this.onAdded = onAdded
    this.model = new StoreModel(
      () => Math.floor(epochMs + timeline.nowMs + this.clockAheadMs),
      (channel, text) => {
        for (const connection of this.connections) connection.publish(channel, text)
      },
    )
  }

  accept(link: ModelLink): Connection {
    const connection = new Connection(this, link)
    this.connections.add(connection)
    return connection
  }

  closed(connection: Connection): void {
    this.connections.delete(connection)
  }

  run(args: readonly string[]): Reply {
    const reply = this.model.run(args)
    // Only the `publish` and `open` scripts add entries to the room log.
    if (args[1] === publish.sha || args[1] === open.sha) {
      this.onAdded()
      for (const connection of this.connections) connection.wake()
    }
    return reply
  }

  /** Stops the store: its connections are cut, but replies that have already been sent may still arrive. */
  stop(): void {
    this.up = false
    for (const connection of [...this.connections]) connection.cutByStore()
  }

  start(data?: Snapshot): void {
    if (data !== undefined) this.model.restore(data)
    this.up = true
  }
}

/** One connection between a link and the store, including both ends. */
class Connection {
  readonly toStore: Channel
  readonly toLink: Channel
  private readonly store: Store
  private readonly link: ModelLink
  private held = false
  private blocked: { args: readonly string[]; answer: (reply: Reply) => void; cancel: () => void } | undefined

  constructor(store: Store, link: ModelLink) {
    this.store = store
    this.link = link
    this.toStore = new Channel(store.timeline, store.delayMs, store.process)
    this.toLink = new Channel(store.timeline, store.delayMs, link.process)
  }

  ask(args: readonly string[], settle: (reply: Reply) => void): void {
    this.toStore.send(() => this.execute(args, (reply) => this.toLink.send(() => settle(reply))))
  }

  publish(channel: string, text: string): void {
    const { subscription } = this.link.options
    if (subscription?.channel === channel) this.toLink.send(() => this.link.heard(this, text))
  }

  /** Replies to a blocked read if there is a new message, or if the read has timed out. */
  wake(late = false): void {
    if (this.blocked === undefined) return
    const { args, answer, cancel } = this.blocked
    const reply = this.store.model.run(args)
    if (reply === null && !late) return
    this.blocked = undefined
    cancel()
    answer(reply)
  }

  /** Ends the connection on behalf of the link; commands that the link has already sent may still reach the store. */
  cutByLink(arrives: number): void {
    this.toStore.cut(arrives)
    this.toLink.cut(0)
    this.end()
  }

  cutByStore(): void {
    this.toStore.cut(0)
    this.end()
    this.toLink.cut(this.link.someOf(this.toLink.underWay))
    // If the network is cut, the link is not notified that the connection has ended; instead, it detects that replies are missing.
    if (!this.held)
      this.store.timeline.after(this.store.delayMs(), () => this.link.lost(this, new Error('connection reset')), this.link.process)
  }

  hold(held: boolean): void {
    this.held = held
    for (const channel of [this.toStore, this.toLink]) {
      if (held) channel.hold()
      else channel.release()
    }
  }

  private end(): void {
    this.blocked?.cancel()
    this.blocked = undefined
    this.store.closed(this)
  }

  private execute(args: readonly string[], answer: (reply: Reply) => void): void {
    const reply = this.store.run(args)
    const block = args.indexOf('BLOCK')
    if (reply !== null || args[0] !== 'XREAD' || block === -1) answer(reply)
    // A blocking read waits for data only while its connection is open.
    else if (!this.toStore.isCut) {
      const cancel = this.store.timeline.after(Number(args[block + 1]), () => this.wake(true), this.store.process)
      this.blocked = { args, answer, cancel }
    }
  }
}

export interface LinkEnvironment {
  store: Store
  /** The replica's process. */
  process: Process
  /** Returns a random number from 0 to 1. */
  random: () => number
  /** Whether the network between the replica and the store is cut. */
  parted: () => boolean
}

const connectMs = 1000
const backoff = { firstMs: 50, mostMs: 1000 }
const idleMs = 500

/**
 * Simulated counterpart of ReconnectingConnection, which uses the model of Valkey: it connects, sends commands, detects missing replies, and
 * reconnects.
 */
export class ModelLink implements ValkeyConnection {
  readonly options: ConnectionOptions
  readonly process: Process
  /** Whether the link has read to the end of the room log at least once. */
  hasRead = false
  private readonly environment: LinkEnvironment
  private connection: Connection | undefined
  private failures = 0
  private why: Error | undefined
  private waiting: { settle: (reply: Reply) => void; lost: (why: Error) => void }[] = []
  private quietSinceMs = 0
  private watching = false
  private stopped = false
  private readonly first = Promise.withResolvers<void>()

  constructor(options: ConnectionOptions, environment: LinkEnvironment) {
    this.options = options
    this.environment = environment
    this.process = environment.process
  }

  get up(): boolean {
    return this.connection !== undefined
  }

  get reached(): Promise<void> {
    return this.first.promise
  }

  get reason(): Error | undefined {
    return this.up ? undefined : this.why
  }

  start(): void {
    const { store } = this.environment
    if (this.stopped) return
    const carried = !this.environment.parted() && !store.process.paused
    this.later(carried ? 2 * store.delayMs() : connectMs, () => {
      if (carried && store.up) this.connected(store.accept(this))
      else this.retry(new Error(carried ? 'connection refused' : `no connection within ${connectMs} ms`))
    })
  }

  send<T>(args: readonly Argument[], options?: CommandOptions): Promise<T> {
    const { connection } = this
    if (connection === undefined) return Promise.reject(new Error('Valkey is away'))
    const { promise, resolve, reject } = Promise.withResolvers<T>()
    if (this.waiting.length === 0) this.quietSinceMs = this.nowMs
    const waiting = {
      settle: (reply: Reply) => {
        this.quietSinceMs = this.nowMs
        this.waiting.shift()
        if (args[0] === 'XREAD' && reply === null) this.hasRead = true
        if (reply instanceof StoreError) reject(reply)
        else resolve((options === undefined ? decoded(reply) : asBuffers(reply)) as T)
      },
      lost: reject,
    }
    this.waiting.push(waiting)
    const bytes = args.map((arg) => (typeof arg === 'string' ? Buffer.from(arg) : arg).toString('latin1'))
    connection.ask(bytes, (reply) => {
      if (connection === this.connection) waiting.settle(reply)
    })
    this.watch()
    return promise
  }

  run<T>(script: Script, keys: readonly string[], args: readonly Argument[]): Promise<T> {
    return this.send<T>(['EVALSHA', script.sha, String(keys.length), ...keys, ...args])
  }

  fail(why: Error): void {
    if (this.connection !== undefined) this.lost(this.connection, why)
  }

  stop(): void {
    this.stopped = true
    this.connection?.cutByLink(Number.POSITIVE_INFINITY)
    this.connection = undefined
  }

  /** Cuts or restores the network between the replica and the store. */
  hold(held: boolean): void {
    this.connection?.hold(held)
    if (held) this.pingSoon()
  }

  /** Sends a ping after a random time of at most `idleMs`, as a real link does when it has been idle. */
  pingSoon(): void {
    this.later(this.environment.random() * idleMs, () => void this.send(['PING']).catch(() => {}))
  }

  /** Informs the link that the replica's process has exited. */
  died(): void {
    this.connection?.cutByLink(this.someOf(this.connection.toStore.underWay))
  }

  heard(connection: Connection, text: string): void {
    if (connection === this.connection) this.options.subscription?.onMessage(text)
  }

  lost(connection: Connection, why: Error): void {
    if (connection !== this.connection) return
    this.connection = undefined
    this.why = why
    connection.cutByLink(this.someOf(connection.toStore.underWay))
    for (const { lost } of this.waiting.splice(0)) lost(why)
    this.options.onDown(why)
    this.retry(why)
  }

  private connected(connection: Connection): void {
    if (this.stopped) {
      connection.cutByLink(0)
      return
    }
    this.connection = connection
    if (this.environment.parted()) connection.hold(true)
    this.failures = 0
    this.options.onUp()
    this.first.resolve()
  }

  private retry(why: Error): void {
    this.why = why
    const waitMs = Math.min(backoff.mostMs, backoff.firstMs * 2 ** Math.min(this.failures++, 10))
    this.later(waitMs * (0.5 + this.environment.random() / 2), () => this.start())
  }

  /**
   * Returns how many of the chunks in transit are still delivered when the connection is cut. The number is random, because TCP delivers
   * whatever arrived before the cut.
   */
  someOf(underWay: number): number {
    return Math.floor(this.environment.random() * (underWay + 1))
  }

  private watch(): void {
    if (this.watching) return
    this.watching = true
    this.later(this.options.patienceMs, () => {
      this.watching = false
      if (this.connection === undefined || this.waiting.length === 0) return
      const { patienceMs } = this.options
      if (this.nowMs - this.quietSinceMs >= patienceMs) this.lost(this.connection, new Error(`no answer for ${patienceMs} ms`))
      else this.watch()
    })
  }

  private get nowMs(): number {
    return this.environment.store.timeline.nowMs
  }

  private later(ms: number, then: () => void): void {
    this.environment.store.timeline.after(ms, then, this.process)
  }
}

function decoded(reply: Reply): unknown {
  if (typeof reply === 'string') return Buffer.from(reply, 'latin1').toString()
  return Array.isArray(reply) ? reply.map(decoded) : reply
}

/** Converts each string in a reply to a buffer, and each map to a list. */
function asBuffers(reply: Reply): unknown {
  if (typeof reply === 'string') return Buffer.from(reply, 'latin1')
  if (reply instanceof Map) return [...reply].flat().map(asBuffers)
  return Array.isArray(reply) ? reply.map(asBuffers) : reply
}
