/**
 * The room log in Valkey, shared by all replicas. Messages are stored by one script, pipelined, and read back from a stream
 * by a connection of its own: nobody waits for one message, and every replica sees the same order.
 * While Valkey is away, messages wait in the outbox and are stored in order when it is back.
 */
import { createHash } from 'node:crypto'
import type { Config } from '../config.ts'
import type { Clock } from '../ports.ts'
import { type Published, type RoomDraft, type RoomLog, type RoomLogEvents, type RoomMessage, seqsPerMs } from '../room-log.ts'
import type { Link } from './connection.ts'
import { LogReader } from './log-reader.ts'
import { Outbox, type Waiting } from './outbox.ts'
import { logKeys, publish } from './scripts.ts'

/** How long a replica waits for Valkey when it starts, before it works alone. Milliseconds. */
const startMs = 2000
/** How long it waits for a place that somebody else has read already. Milliseconds. */
const reachMs = 1000
/** What the store keeps at least, so that a replica can read what others store. */
const leastKept = { messages: 1000, bytes: 4_194_304 }

interface Options {
  config: Config
  clock: Clock
  /** For storing. Shared with others: whoever made it tells by `linkUp` and `linkDown` how it is. */
  link: Link
  /** How Valkey lists the reading connection. */
  readerName: string
  /** Called when it may have become healthy or unhealthy. */
  onHealth: (why?: Error) => void
}

export class ValkeyRoomLog implements RoomLog {
  readonly name = 'valkey'
  private readonly clock: Clock
  private readonly link: Link
  private readonly reader: LogReader
  private readonly outbox: Outbox
  private readonly onHealth: (why?: Error) => void
  private events: RoomLogEvents | undefined
  /** Counts connections: what was asked on an earlier one is not answered on a later one. */
  private connections = 0
  /** Where a replica began that started without Valkey. */
  private beginning = 0
  /** Places of the last messages read here, by key. */
  private readonly places = new Map<string, number>()
  private readonly placesKept: number
  private readonly limits: string[]
  /** Who waits for a place; each for a second at most. */
  private readonly behind = new Set<{ seq: number; resolve: () => void }>()
  private emptied: (() => void) | undefined

  constructor({ config, clock, link, readerName, onHealth }: Options) {
    this.clock = clock
    this.link = link
    this.onHealth = onHealth
    this.outbox = new Outbox({ messages: config.ROOM_OUTBOX_MESSAGES, bytes: config.ROOM_OUTBOX_BYTES })
    this.placesKept = config.ROOM_LOG_MESSAGES
    const most = [Math.max(config.ROOM_LOG_MESSAGES, leastKept.messages), Math.max(config.ROOM_LOG_BYTES, leastKept.bytes)]
    this.limits = [...most, config.ROOM_LOG_AGE].map(String)
    this.reader = new LogReader({
      url: config.VALKEY_URL,
      name: readerName,
      maxAgeMs: config.ROOM_LOG_AGE,
      events: {
        onMessage: (message, key) => this.arrived(message, key),
        onLost: (upToSeq) => this.events?.onLost(upToSeq),
        onHealth,
      },
    })
  }

  async start(events: RoomLogEvents): Promise<void> {
    this.events = events
    const late = Promise.withResolvers<void>()
    const timer = setTimeout(late.resolve, startMs)
    // The link as well: who is ready without it refuses to take sessions over.
    await Promise.race([Promise.all([this.reader.start(), this.link.reached]), late.promise])
    clearTimeout(timer)
    if (!this.reader.healthy) {
      this.beginning = this.clock.now() * seqsPerMs
      this.onHealth(this.link.reason ?? new Error(`not reached within ${startMs} ms`))
    }
  }

  get position(): number {
    return Math.max(this.beginning, this.reader.position)
  }

  reached(seq: number): Promise<void> {
    if (this.position >= seq) return Promise.resolve()
    const { promise, resolve } = Promise.withResolvers<void>()
    const entry = { seq, resolve }
    this.behind.add(entry)
    const timer = setTimeout(resolve, reachMs)
    return promise.finally(() => {
      clearTimeout(timer)
      this.behind.delete(entry)
    })
  }

  get waiting(): number {
    return this.outbox.count
  }

  healthy(): boolean {
    return this.link.up && this.reader.healthy && !this.outbox.head?.provisional
  }

  publish(draft: RoomDraft, done: (outcome: Published) => void): void {
    const key = createHash('sha1').update(draft.key).digest().subarray(0, 16)
    const known = this.link.up ? undefined : this.places.get(key.toString('latin1'))
    if (known !== undefined) {
      // The members here have had it.
      done({ result: 'duplicate', seq: known })
      return
    }
    const entry = this.outbox.add(draft, key, done)
    if (entry === undefined) done({ result: 'refused' })
    else if (this.link.up) this.hand(entry)
    else this.wait(entry)
  }

  /** Valkey is back: what waits is stored, in order. */
  linkUp(): void {
    this.connections++
    for (const entry of this.outbox.all()) this.hand(entry)
    this.onHealth()
  }

  /** Valkey is away: what it has not answered for waits. */
  linkDown(why: Error): void {
    this.connections++
    this.onHealth(why)
    for (const entry of this.outbox.all()) {
      const seq = this.places.get(entry.key.toString('latin1'))
      if (seq === undefined) this.wait(entry)
      // It is stored, for it was read: only the answer is missing.
      else if (!entry.provisional && !entry.settled) {
        entry.settled = true
        entry.done({ result: entry.again ? 'duplicate' : 'stored', seq })
      }
    }
  }

  /** Stops when everything is stored, or after `withinMs`. */
  async stop(withinMs = 0): Promise<void> {
    if (this.outbox.count > 0 && this.link.up && withinMs > 0) {
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, withinMs)
        this.emptied = () => {
          clearTimeout(timer)
          resolve()
        }
      })
    }
    this.connections++
    this.reader.stop()
  }

  /** Shows a message to the members here, and its sender that it is not stored yet. Once. */
  private wait(entry: Waiting): void {
    if (entry.provisional || entry.settled) return
    entry.provisional = true
    if (!entry.again) this.events?.onProvisional(entry.draft)
    entry.done({ result: 'provisional' })
  }

  private hand(entry: Waiting): void {
    entry.attempts++
    const { connections } = this
    const { room, head, publishedAtMs, traceparent } = entry.draft
    const args = [room, head, String(publishedAtMs), entry.key, String(this.position), ...this.limits]
    if (traceparent !== undefined) args.push(traceparent)
    this.link.run<[seq: string, before: number]>(publish, logKeys, args).then(
      ([seq, before]) => {
        if (connections === this.connections) this.stored(entry, Number(seq), before === 1)
      },
      (error: Error) => {
        // Nothing overtakes a message that Valkey refused: all that wait are handed over again, on a new connection.
        if (connections === this.connections) this.link.fail(error)
      },
    )
  }

  private stored(entry: Waiting, seq: number, before: boolean): void {
    this.outbox.shift()
    // A message that was handed over before is its own duplicate when only the answer was lost.
    const duplicate = before && (entry.attempts === 1 || entry.again)
    if (!entry.settled) entry.done({ result: duplicate ? 'duplicate' : 'stored', seq })
    if (entry.provisional && !this.outbox.head?.provisional) this.onHealth()
    if (this.outbox.count === 0) this.emptied?.()
  }

  private arrived(message: RoomMessage, key: Buffer): void {
    const name = key.toString('latin1')
    this.places.delete(name)
    this.places.set(name, message.seq)
    for (const oldest of this.places.keys()) {
      if (this.places.size <= this.placesKept) break
      this.places.delete(oldest)
    }
    this.events?.onMessage(message)
    for (const { seq, resolve } of this.behind) if (seq <= message.seq) resolve()
  }
}
