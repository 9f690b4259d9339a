/** Stores this replica's room messages that the store has not confirmed yet, in publishing order. Pure. */
import type { Published, RoomDraft } from '../room-log.ts'

export interface Waiting {
  draft: RoomDraft
  /** Identifies the message, so that the store can detect a message that it has already stored. */
  key: Buffer
  done: (outcome: Published) => void
  /** The number of times that the message has been sent to the store. */
  attempts: number
  provisional: boolean
  /** Whether the provisional delivery waits until this replica has read more of the log. */
  withheld: boolean
  /** Whether an earlier message in the outbox has the same key. */
  again: boolean
  /** Whether the message's sequence number is known and has been reported to the sender. */
  settled: boolean
}

export interface OutboxBounds {
  messages: number
  bytes: number
}

export class Outbox {
  private readonly bounds: OutboxBounds
  private entries: Waiting[] = []
  private first = 0
  private bytes = 0
  private readonly keys = new Map<string, number>()

  constructor(bounds: OutboxBounds) {
    this.bounds = bounds
  }

  get count(): number {
    return this.entries.length - this.first
  }

  /** Adds a message. @returns the message's entry in the outbox; undefined if the message does not fit within the outbox's limits */
  add(draft: RoomDraft, key: Buffer, done: (outcome: Published) => void): Waiting | undefined {
    const { messages, bytes } = this.bounds
    if (this.count >= messages || this.bytes + draft.head.length > bytes) return undefined
    const again = this.keys.has(key.toString('latin1'))
    const entry = { draft, key, done, attempts: 0, provisional: false, withheld: false, again, settled: false }
    this.push(entry)
    return entry
  }

  private push(entry: Waiting): void {
    const name = entry.key.toString('latin1')
    this.keys.set(name, (this.keys.get(name) ?? 0) + 1)
    this.entries.push(entry)
    this.bytes += entry.draft.head.length
  }

  /** The oldest message in the outbox. */
  get head(): Waiting | undefined {
    return this.entries[this.first]
  }

  /** Removes the oldest message from the outbox. */
  shift(): void {
    const entry = this.head
    if (entry === undefined) return
    const name = entry.key.toString('latin1')
    const same = this.keys.get(name) ?? 0
    if (same > 1) this.keys.set(name, same - 1)
    else this.keys.delete(name)
    this.bytes -= entry.draft.head.length
    this.first++
    if (this.first < 64 || this.first * 2 < this.entries.length) return
    this.entries = this.entries.slice(this.first)
    this.first = 0
  }

  /** Removes the messages whose outcome is known and has been reported to the sender. */
  dropSettled(): void {
    const left = this.all().filter(({ settled }) => !settled)
    for (let count = this.count; count > 0; count--) this.shift()
    for (const entry of left) this.push(entry)
  }

  /** Returns all messages in the outbox, oldest first. */
  all(): Waiting[] {
    return this.entries.slice(this.first)
  }
}
