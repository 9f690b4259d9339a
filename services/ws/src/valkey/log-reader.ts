/**
 * Reads the room log on a separate connection: first the stored messages, and then new ones. Reports lost messages. Each log entry contains
 * the sequence number of the previous entry. The reader compares the sequence number of each entry's predecessor with that of the last
 * entry it has read: a difference shows that entries were trimmed, or that Valkey restarted with older data and continues at a lower
 * sequence number.
 */
import { RESP_TYPES } from '@redis/client'
import { type RoomMessage, seqsPerMs } from '../room-log.ts'
import type { CommandOptions, MakeConnection, ValkeyConnection } from './connection.ts'
import { keys, logKeys, open } from './scripts.ts'

export interface ReaderEvents {
  onMessage(message: RoomMessage, key: Buffer): void
  onLost(upToSeq: number, backTo?: number): void
  onEnd(lastSeq: number, nextSeq: number): void
  onHealth(why?: Error): void
}

/** How long Valkey waits for a new log entry before it returns an empty reply to a read command. Milliseconds. */
const blockMs = 500
const mostAtOnce = 256
/** Number of reads after which the reader checks the end of the log, even if every read returns new entries. */
const readsPerCheck = 100
const asBuffers: CommandOptions = { typeMapping: { [RESP_TYPES.BLOB_STRING]: Buffer, [RESP_TYPES.MAP]: Array } }

interface Options {
  connect: MakeConnection
  url: string
  /** The name of the connection in Valkey's client list. */
  name: string
  maxAgeMs: number
  events: ReaderEvents
  /** Returns, in order, the sequence numbers of this replica's own stored messages that it has not read from the log yet. */
  given: () => readonly number[]
}

type Reply = [name: Buffer, entries: [id: Buffer, fields: Buffer[]][]] | null

export class LogReader {
  private readonly valkey: ValkeyConnection
  private readonly events: ReaderEvents
  private readonly maxAgeMs: number
  private readonly given: () => readonly number[]
  /** The sequence number up to which the log has been read; undefined until the end of the log has been found. */
  private at: number | undefined
  /**
   * The sequence number to which the log fell back when messages were lost; undefined once it has been recorded in Valkey for the other
   * readers.
   */
  private wentBackTo: number | undefined
  /**
   * The sequence number to which the log fell back when this reader last detected and recorded a loss of messages. The reader skips a log
   * entry that records a loss it has already detected.
   */
  private reportedBackTo: number | undefined
  /** Whether the reader has read all entries that existed when it connected. */
  private current = false
  private readonly first = Promise.withResolvers<void>()

  constructor({ connect, url, name, maxAgeMs, events, given }: Options) {
    this.events = events
    this.maxAgeMs = maxAgeMs
    this.given = given
    this.valkey = connect({
      url,
      name,
      patienceMs: blockMs + 1000,
      onUp: () => void this.follow(),
      onDown: (why) => {
        this.current = false
        events.onHealth(why)
      },
    })
  }

  /** Starts reading. @returns a promise that resolves when all previously stored entries have been read */
  start(): Promise<void> {
    this.valkey.start()
    return this.first.promise
  }

  get healthy(): boolean {
    return this.valkey.up && this.current
  }

  get up(): boolean {
    return this.valkey.up
  }

  /** The sequence number up to which the log has been read; 0 if nothing has been read yet. */
  get position(): number {
    return this.at ?? 0
  }

  /** The highest sequence number that this replica has read from the log, or that Valkey has assigned to one of this replica's messages. */
  get known(): number {
    return Math.max(this.position, this.given().at(-1) ?? 0)
  }

  stop(): void {
    this.valkey.stop()
  }

  private async follow(): Promise<void> {
    try {
      await this.findEnd()
      for (let reads = 0; this.valkey.up; ) {
        const found = this.read(await this.next())
        if (found && ++reads < readsPerCheck && this.wentBackTo === undefined) continue
        reads = 0
        const end = await this.findEnd()
        if (end.more) continue
        // If the log's last sequence number is higher than the reader's but the log has no unread entries, the messages in between are no
        // longer available.
        if (this.at === undefined || end.last > this.at) this.lose(end.last)
        if (this.current) continue
        this.current = true
        this.first.resolve()
        this.events.onHealth()
      }
    } catch (error) {
      // If Valkey replies with an error, the reader opens a new connection and looks for the end of the log again.
      this.valkey.fail(error as Error)
    }
  }

  /**
   * Asks Valkey for the last sequence number of the log, and whether the log has unread entries. If the log fell back to a lower sequence
   * number, `findEnd` also records that number in Valkey.
   */
  private async findEnd(): Promise<{ last: number; more: boolean }> {
    const { at, known, wentBackTo } = this
    const args = [this.maxAgeMs, at ?? '', known === 0 ? '' : known, wentBackTo ?? '']
    const [last, more, next] = await this.valkey.run<[last: string, more: number, next: string]>(open, logKeys, args.map(String))
    this.wentBackTo = undefined
    this.events.onEnd(Number(last), Number(next))
    return { last: Number(last), more: more === 1 }
  }

  private next(): Promise<Reply> {
    const wait = this.current ? ['BLOCK', String(blockMs)] : []
    return this.valkey.send<Reply>(['XREAD', 'COUNT', String(mostAtOnce), ...wait, 'STREAMS', keys.log, idOf(this.at ?? 0)], asBuffers)
  }

  private read(reply: Reply): boolean {
    if (reply === null) return false
    for (const [id, fields] of reply[1]) {
      const [, room, , head, , publishedAt, , offset, , after, , key, , , , trace] = fields
      if (!room || !head || !key) throw new Error(`entry ${id} of ${keys.log} is not a room message`)
      const [seq, afterSeq] = [seqOf(id), Number(after)]
      if (head.length === 0) {
        // An entry without a message records a loss: Valkey lost all messages after the entry's predecessor.
        if (afterSeq !== this.reportedBackTo) this.lose(seq, this.at === undefined ? undefined : Math.min(afterSeq, this.at))
        this.at = seq
        continue
      }
      // Each entry contains its predecessor's sequence number; the predecessor may belong to any room.
      // If an entry's predecessor is not the last entry that the reader has read, messages may have been lost.
      if (this.at === undefined || afterSeq > this.at) this.lose(afterSeq)
      else this.checkBack(seq, afterSeq)
      this.at = seq
      const place = { seq, offset: Number(offset) }
      const message = { room: room.toString(), head, publishedAtMs: Number(publishedAt), ...place, traceparent: trace?.toString() }
      this.events.onMessage(message, key)
    }
    return true
  }

  /**
   * Detects whether the log has lost its latest messages. Messages were lost if an entry's predecessor is older than the last entry that
   * was read, or if the log does not contain a message that this replica stored earlier.
   */
  private checkBack(seq: number, afterSeq: number): void {
    if (afterSeq === this.at && (this.given()[0] ?? seq) >= seq) return
    this.wentBackTo = this.reportedBackTo = afterSeq
    this.lose(seq - 1, afterSeq)
  }

  private lose(upToSeq: number, backTo?: number): void {
    this.at = upToSeq
    this.events.onLost(upToSeq, backTo)
  }
}

function seqOf(id: Buffer): number {
  const [ms, number] = id.toString('latin1').split('-')
  return Number(ms) * seqsPerMs + Number(number)
}

function idOf(seq: number): string {
  return `${Math.floor(seq / seqsPerMs)}-${seq % seqsPerMs}`
}
