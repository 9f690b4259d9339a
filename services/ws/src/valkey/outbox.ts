/** Room messages of this replica that the store has not answered for, in the order of publishing. Pure. */
import type { Published, RoomDraft } from '../room-log.ts'

export interface Waiting {
  draft: RoomDraft
  /** What the store recognises the message by. */
  key: Buffer
  done: (outcome: Published) => void
  /** How often it was handed to the store. */
  attempts: number
  provisional: boolean
  /** Another one with the same key was published before it and waits, too. */
  again: boolean
  /** Its place is known already, and said. */
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

  /** Takes a message. @returns undefined when it would be one too many, or too much */
  add(draft: RoomDraft, key: Buffer, done: (outcome: Published) => void): Waiting | undefined {
    const { messages, bytes } = this.bounds
    if (this.count >= messages || this.bytes + draft.head.length > bytes) return undefined
    const name = key.toString('latin1')
    const same = this.keys.get(name) ?? 0
    const entry = { draft, key, done, attempts: 0, provisional: false, again: same > 0, settled: false }
    this.keys.set(name, same + 1)
    this.entries.push(entry)
    this.bytes += draft.head.length
    return entry
  }

  /** The oldest. */
  get head(): Waiting | undefined {
    return this.entries[this.first]
  }

  /** Lets the oldest go. */
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

  /** All, oldest first. */
  all(): Waiting[] {
    return this.entries.slice(this.first)
  }
}
