/** Reads the room log on a connection of its own, from what it still holds to what comes, and says when something was missed. */
import { RESP_TYPES } from '@redis/client'
import { type RoomMessage, seqsPerMs } from '../room-log.ts'
import { type CommandOptions, Link } from './connection.ts'
import { keys, logKeys, open } from './scripts.ts'

export interface ReaderEvents {
  onMessage(message: RoomMessage, key: Buffer): void
  onLost(upToSeq: number): void
  onHealth(why?: Error): void
}

/** How long Valkey keeps the question open when there is nothing new, in milliseconds. */
const blockMs = 500
const mostAtOnce = 256
const asBuffers: CommandOptions = { typeMapping: { [RESP_TYPES.BLOB_STRING]: Buffer, [RESP_TYPES.MAP]: Array } }

type Reply = [name: Buffer, entries: [id: Buffer, fields: Buffer[]][]] | null

export class LogReader {
  private readonly link: Link
  private readonly events: ReaderEvents
  private readonly maxAgeMs: number
  /** Place of the last message read; undefined until the log was found. */
  private at: number | undefined
  /** Whether everything there was when the connection was made has been read. */
  private current = false
  private readonly first = Promise.withResolvers<void>()

  constructor({ url, name, maxAgeMs, events }: { url: string; name: string; maxAgeMs: number; events: ReaderEvents }) {
    this.events = events
    this.maxAgeMs = maxAgeMs
    this.link = new Link({
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

  /** Begins. @returns when what the log holds has been read */
  start(): Promise<void> {
    this.link.start()
    return this.first.promise
  }

  get healthy(): boolean {
    return this.link.up && this.current
  }

  get position(): number {
    return this.at ?? 0
  }

  stop(): void {
    this.link.stop()
  }

  private async follow(): Promise<void> {
    try {
      const lastGiven = this.at === undefined ? Number(await this.link.run<string>(open, logKeys, [String(this.maxAgeMs)])) : this.at
      while (this.link.up) {
        const found = this.read(await this.next())
        if (found) continue
        // A log that holds nothing: what it held before can't be had.
        if (this.at === undefined) this.lose(lastGiven)
        if (this.current) continue
        this.current = true
        this.first.resolve()
        this.events.onHealth()
      }
    } catch (error) {
      // Also for an answer that says no: the connection is made anew, and the log looked for again.
      this.link.fail(error as Error)
    }
  }

  private next(): Promise<Reply> {
    const wait = this.current ? ['BLOCK', String(blockMs)] : []
    return this.link.send<Reply>(['XREAD', 'COUNT', String(mostAtOnce), ...wait, 'STREAMS', keys.log, idOf(this.at ?? 0)], asBuffers)
  }

  private read(reply: Reply): boolean {
    if (reply === null) return false
    for (const [id, fields] of reply[1]) {
      const [, room, , head, , publishedAt, , offset, , after, , key, , , , trace] = fields
      if (!room || !head || !key) throw new Error(`entry ${id} of ${keys.log} is no room message`)
      // The one before it, of whatever room, is not the last that was read here.
      if (this.at === undefined || Number(after) > this.at) this.lose(Number(after))
      this.at = seqOf(id)
      const place = { seq: this.at, offset: Number(offset) }
      const message = { room: room.toString(), head, publishedAtMs: Number(publishedAt), ...place, traceparent: trace?.toString() }
      this.events.onMessage(message, key)
    }
    return true
  }

  private lose(upToSeq: number): void {
    this.at = upToSeq
    this.events.onLost(upToSeq)
  }
}

function seqOf(id: Buffer): number {
  const [ms, number] = id.toString('latin1').split('-')
  return Number(ms) * seqsPerMs + Number(number)
}

function idOf(seq: number): string {
  return `${Math.floor(seq / seqsPerMs)}-${seq % seqsPerMs}`
}
