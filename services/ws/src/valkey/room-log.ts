/**
 * Implements the room log in Valkey, which all replicas share. A Lua script stores the messages; calls to the script are pipelined, so no
 * message has to wait for another. A separate connection reads the messages from a Valkey stream, so every replica reads them in the same
 * order. While Valkey is unavailable, messages wait in the outbox. The waiting messages are stored in order once the replica has
 * reconnected to Valkey.
 */
import { createHash } from 'node:crypto'
import type { Config } from '../config.ts'
import type { Timers } from '../ports.ts'
import type { Published, RoomDraft, RoomLog, RoomLogEvents, RoomMessage } from '../room-log.ts'
import type { MakeConnection, ValkeyConnection } from './connection.ts'
import { LogReader } from './log-reader.ts'
import { Outbox, type OutboxBounds, type Waiting } from './outbox.ts'
import { logKeys, publish } from './scripts.ts'

/** How long a starting replica waits for Valkey before it becomes ready without it. Milliseconds. */
const startMs = 2000
/** Maximum time that this replica waits to catch up with a sequence number that another replica has already read. Milliseconds. */
const reachMs = 1000
/**
 * Minimum size limits of the log in Valkey, which ensure that every replica can read the other replicas' messages before the log is
 * trimmed.
 */
const smallestLog = { messages: 1000, bytes: 4_194_304 }

interface Options {
  config: Config
  timers: Timers
  /** The connection for storing messages, shared with other stores. The connection's owner calls `connectionUp` and `connectionDown`. */
  valkey: ValkeyConnection
  /** Opens the connection that reads the log. */
  connect: MakeConnection
  /** The name that the log-reading connection has in Valkey's client list. */
  readerName: string
  /** Called when the log may have become healthy or unhealthy. */
  onHealth: (why?: Error) => void
}

export class ValkeyRoomLog implements RoomLog {
  readonly name = 'valkey'
  private readonly timers: Timers
  private readonly valkey: ValkeyConnection
  private readonly reader: LogReader
  private readonly outbox: Outbox
  private readonly onHealth: (why?: Error) => void
  private events: RoomLogEvents | undefined
  /**
   * Incremented whenever the connection to Valkey is established or lost, and when the room log stops. The room log ignores replies that
   * belong to an earlier connection.
   */
  private connections = 0
  /** The sequence numbers of this replica's own stored messages that it has not read from the log yet, in order. */
  private given: number[] = []
  /**
   * Messages of this replica's clients that are stored, but that this replica has not read from the log yet, in order. If Valkey becomes
   * unavailable, their room's members must receive them before the provisional messages that follow.
   */
  private unread: { seq: number; draft: RoomDraft }[] = []
  private unreadBytes = 0
  /** The lowest sequence number for which the provisional delivery of a message waits. */
  private withheldUpTo = Number.POSITIVE_INFINITY
  private readonly bounds: OutboxBounds
  /** The sequence numbers of the latest messages that this replica has read, by message key. */
  private readonly places = new Map<string, number>()
  private readonly maxPlaces: number
  private readonly limits: string[]
  /** Pending calls to `reached`, each of which waits for at most one second. */
  private readonly behind = new Set<{ seq: number; resolve: () => void }>()
  private emptied: (() => void) | undefined

  constructor({ config, timers, valkey, connect, readerName, onHealth }: Options) {
    this.timers = timers
    this.valkey = valkey
    this.onHealth = onHealth
    this.bounds = { messages: config.ROOM_OUTBOX_MESSAGES, bytes: config.ROOM_OUTBOX_BYTES }
    this.outbox = new Outbox(this.bounds)
    this.maxPlaces = config.ROOM_LOG_MESSAGES
    const most = [Math.max(config.ROOM_LOG_MESSAGES, smallestLog.messages), Math.max(config.ROOM_LOG_BYTES, smallestLog.bytes)]
    this.limits = [...most, config.ROOM_LOG_AGE].map(String)
    this.reader = new LogReader({
      connect,
      url: config.VALKEY_URL,
      name: readerName,
      maxAgeMs: config.ROOM_LOG_AGE,
      events: {
        onMessage: (message, key) => this.arrived(message, key),
        onLost: (upToSeq, backTo) => {
          this.events?.onLost(upToSeq, backTo)
          this.passed(upToSeq)
        },
        onEnd: (lastSeq, nextSeq) => this.events?.onEnd(lastSeq, nextSeq),
        onHealth,
      },
      given: () => this.given,
    })
  }

  async start(events: RoomLogEvents): Promise<void> {
    this.events = events
    const late = Promise.withResolvers<void>()
    const cancel = this.timers.after(startMs, late.resolve)
    // The `start` method waits for both Valkey connections. Without the connection that stores data, the replica would become ready but
    // could not take over sessions.
    await Promise.race([Promise.all([this.reader.start(), this.valkey.reached]), late.promise])
    cancel()
    if (!this.reader.healthy) this.onHealth(this.valkey.reason ?? new Error(`not reached within ${startMs} ms`))
  }

  get position(): number {
    return this.reader.position
  }

  reached(seq: number): Promise<void> {
    if (this.position >= seq || !this.reader.up) return Promise.resolve()
    const { promise, resolve } = Promise.withResolvers<void>()
    const entry = { seq, resolve }
    this.behind.add(entry)
    const cancel = this.timers.after(reachMs, resolve)
    return promise.finally(() => {
      cancel()
      this.behind.delete(entry)
    })
  }

  get waiting(): number {
    return this.outbox.count
  }

  healthy(): boolean {
    return this.valkey.up && this.reader.healthy && !this.outbox.head?.provisional
  }

  publish(draft: RoomDraft, done: (outcome: Published) => void): void {
    const key = createHash('sha1').update(draft.key).digest().subarray(0, 16)
    // The replica itself detects resent messages even while Valkey is available.
    // Valkey may have restarted with older data, and may no longer know the message.
    const known = this.places.get(key.toString('latin1'))
    if (known !== undefined) {
      // This replica has already read the message with this key from the log and delivered it to the room's members.
      done({ result: 'duplicate', seq: known })
      return
    }
    const entry = this.outbox.add(draft, key, done)
    if (entry === undefined) done({ result: 'refused' })
    else if (this.valkey.up) this.hand(entry)
    else this.wait(entry)
  }

  /** Stores the waiting messages in order when the connection to Valkey is established. */
  connectionUp(): void {
    this.connections++
    // A message that this replica has read from the log counts as stored.
    // A stored message must not be stored again, even if Valkey has lost it.
    this.outbox.dropSettled()
    for (const entry of this.outbox.all()) this.hand(entry)
    this.onHealth()
  }

  /**
   * When the connection to Valkey is lost, provisionally delivers the messages that Valkey has not confirmed, after those that Valkey has
   * confirmed but this replica has not read.
   */
  connectionDown(why: Error): void {
    this.connections++
    this.onHealth(why)
    for (const { draft } of this.unread) this.events?.onProvisional(draft)
    this.forgetUnread()
    for (const entry of this.outbox.all()) {
      const seq = this.places.get(entry.key.toString('latin1'))
      if (seq === undefined) this.wait(entry)
      // The log already contains the message, because this replica has read it there; only the response to the sender is missing.
      else if (!entry.provisional && !entry.settled) {
        entry.settled = true
        entry.done({ result: entry.again ? 'duplicate' : 'stored', seq })
      }
    }
  }

  /** Stops the room log when all waiting messages have been stored, or after `withinMs` at the latest. */
  async stop(withinMs = 0): Promise<void> {
    if (this.outbox.count > 0 && this.valkey.up && withinMs > 0) {
      await new Promise<void>((resolve) => {
        const cancel = this.timers.after(withinMs, resolve)
        this.emptied = () => {
          cancel()
          resolve()
        }
      })
    }
    this.connections++
    this.reader.stop()
  }

  /** Delivers a message to the members on this replica, and reports to the sender that the message is not stored yet. Each only once. */
  private wait(entry: Waiting): void {
    if (entry.provisional || entry.settled) return
    entry.provisional = true
    if (!entry.again) this.deliver(entry)
    entry.done({ result: 'provisional' })
  }

  private deliver(entry: Waiting): void {
    const { afterSeq = 0 } = entry.draft
    entry.withheld = afterSeq > this.position
    if (entry.withheld) this.withheldUpTo = Math.min(this.withheldUpTo, afterSeq)
    else this.events?.onProvisional(entry.draft)
  }

  /** Delivers the messages whose senders had received more of the log than this replica had read, as far as it has read it now. */
  private deliverWithheld(): void {
    this.withheldUpTo = Number.POSITIVE_INFINITY
    for (const entry of this.outbox.all()) if (entry.withheld) this.deliver(entry)
  }

  private hand(entry: Waiting): void {
    entry.attempts++
    const { connections } = this
    const { room, head, publishedAtMs, traceparent } = entry.draft
    const args = [room, head, String(publishedAtMs), entry.key, String(this.reader.known), ...this.limits]
    if (traceparent !== undefined) args.push(traceparent)
    this.valkey.run<[seq: string, before: number]>(publish, logKeys, args).then(
      ([seq, before]) => {
        if (connections === this.connections) this.stored(entry, Number(seq), before === 1)
      },
      (error: Error) => {
        // A message must not overtake an earlier message that Valkey refused, so all waiting messages are sent again on a new connection.
        if (connections === this.connections) this.valkey.fail(error)
      },
    )
  }

  private stored(entry: Waiting, seq: number, before: boolean): void {
    this.outbox.shift()
    if (!before && seq > this.position) this.given.push(seq)
    if (!entry.provisional && seq > this.position) this.keepUnread(seq, entry.draft)
    // A message that is sent again because Valkey's reply was lost is not reported as a duplicate.
    const duplicate = before && (entry.attempts === 1 || entry.again)
    if (!entry.settled) entry.done({ result: duplicate ? 'duplicate' : 'stored', seq })
    if (entry.provisional && !this.outbox.head?.provisional) this.onHealth()
    if (this.outbox.count === 0) this.emptied?.()
  }

  /** If the reader is so far behind that the limits of the outbox are exceeded, the messages are delivered only once they are read. */
  private keepUnread(seq: number, draft: RoomDraft): void {
    this.unreadBytes += draft.head.length
    if (this.unread.length >= this.bounds.messages || this.unreadBytes > this.bounds.bytes) this.forgetUnread()
    else this.unread.push({ seq, draft })
  }

  private forgetUnread(): void {
    this.unread = []
    this.unreadBytes = 0
  }

  private arrived(message: RoomMessage, key: Buffer): void {
    const name = key.toString('latin1')
    this.places.delete(name)
    this.places.set(name, message.seq)
    for (const oldest of this.places.keys()) {
      if (this.places.size <= this.maxPlaces) break
      this.places.delete(oldest)
    }
    this.events?.onMessage(message)
    this.passed(message.seq)
  }

  private passed(upToSeq: number): void {
    if (this.given.length > 0) this.given = this.given.filter((seq) => seq > upToSeq)
    for (let first = this.unread[0]; first !== undefined && first.seq <= upToSeq; first = this.unread[0]) {
      this.unread.shift()
      this.unreadBytes -= first.draft.head.length
    }
    if (this.position >= this.withheldUpTo) this.deliverWithheld()
    for (const { seq, resolve } of this.behind) if (seq <= upToSeq) resolve()
  }
}
