/**
 * The room log: every message to a room, in one order that all replicas share. A replica keeps the last part of it in
 * memory (history.ts), which is what late joiners and returning clients are served from. Here: the port, and the log of
 * a replica that works alone. Pure.
 */

/** A message to a room, before it has its place in the log. */
export interface RoomDraft {
  room: string
  /** UTF-8 of the message's JSON as members receive it, without its closing brace: place and brace are added. */
  head: Buffer
  /** Wall-clock time of publishing, milliseconds since 1970. */
  publishedAtMs: number
  /** The trace that it belongs to, if it is traced. */
  traceparent?: string | undefined
  /** Two drafts with the same key are the same message: the second gets the place of the first and is not delivered. */
  key: string
}

/** A message with its place. */
export interface RoomMessage extends Omit<RoomDraft, 'key'> {
  /** Place in the log. Grows from message to message over all rooms; not without gaps. Also after the log was lost. */
  seq: number
  /** Number within its room, counted from 1 without gaps; from 1 again when the room was forgotten. */
  offset: number
}

/** What became of a draft. `provisional` is followed by one of the others, unless the replica ends first. */
export type Published = { result: 'stored' | 'duplicate'; seq: number } | { result: 'provisional' } | { result: 'refused' }

export interface RoomLogEvents {
  /** Every stored message, of every replica, in the order of the log. */
  onMessage(message: RoomMessage): void
  /** A draft of this replica that can't be stored now: for the members here; it comes again by `onMessage`. */
  onProvisional(draft: RoomDraft): void
  /** Messages up to this place were missed and can't be had any more. */
  onLost(upToSeq: number): void
}

export interface RoomLog {
  /** Name shown in health reports. */
  readonly name: string
  /** Sets who gets the messages, and begins; resolves when what the log still holds has been delivered. Once, before anything is published. */
  start(events: RoomLogEvents): Promise<void>
  /** Stores a message. `done` is called once or, after `provisional`, twice. Never throws for a store that is away. */
  publish(draft: RoomDraft, done: (outcome: Published) => void): void
  /** Place of the last message that was delivered here, or of the beginning. */
  readonly position: number
  /** Resolves when everything up to this place has been delivered here, or after a second: whoever comes from another replica may be ahead. */
  reached(seq: number): Promise<void>
  /** Drafts that wait for the store. */
  readonly waiting: number
  /** Whether messages get through to other replicas right now. */
  healthy(): boolean
  stop(): Promise<void>
}

/** Places per millisecond: a log that was lost begins anew far behind every place it ever gave. */
export const seqsPerMs = 1000

/** The log of a replica that works alone: what is published is stored and delivered at once. */
export class MemoryRoomLog implements RoomLog {
  readonly name = 'memory'
  readonly waiting = 0
  position: number
  private events: RoomLogEvents | undefined
  private readonly offsets = new Map<string, number>()
  /** Keys of the last messages, oldest first. */
  private readonly places = new Map<string, number>()
  private readonly now: () => number
  private readonly keysKept: number

  /**
   * @param now wall-clock time, milliseconds since 1970
   * @param keysKept how many of the last messages are recognised when they come again
   */
  constructor(now: () => number, keysKept: number) {
    this.now = now
    this.keysKept = keysKept
    this.position = now() * seqsPerMs
  }

  async start(events: RoomLogEvents): Promise<void> {
    this.events = events
  }

  publish({ key, ...draft }: RoomDraft, done: (outcome: Published) => void): void {
    const before = this.places.get(key)
    if (before !== undefined) {
      done({ result: 'duplicate', seq: before })
      return
    }
    const offset = (this.offsets.get(draft.room) ?? 0) + 1
    // Moved to the end: what was used last goes last.
    this.offsets.delete(draft.room)
    this.offsets.set(draft.room, offset)
    this.position = Math.max(this.position + 1, this.now() * seqsPerMs)
    this.places.set(key, this.position)
    forgetOldest(this.places, this.keysKept)
    forgetOldest(this.offsets, this.keysKept)
    this.events?.onMessage({ ...draft, seq: this.position, offset })
    done({ result: 'stored', seq: this.position })
  }

  async reached(): Promise<void> {}

  healthy(): boolean {
    return true
  }

  async stop(): Promise<void> {}
}

function forgetOldest(map: Map<string, unknown>, atMost: number): void {
  for (const key of map.keys()) {
    if (map.size <= atMost) return
    map.delete(key)
  }
}
