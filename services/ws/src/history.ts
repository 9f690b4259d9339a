/**
 * Stores the latest room messages in this replica's memory. The number, the total size and the age of the stored messages are limited. All
 * sessions share the stored messages, so a session waiting for its client needs almost no memory. Pure.
 */

import type { TextFrame } from './text-frame.ts'

export interface HistoryBounds {
  messages: number
  bytes: number
  ageMs: number
}

/** A stored message: its room, its sequence number, and the frame that every member of the room receives. */
export interface StoredMessage {
  room: string
  seq: number
  frame: TextFrame
}

interface Entry extends StoredMessage {
  storedAtMs: number
}

interface RoomEntries {
  entries: Entry[]
  /** Index of the oldest stored entry in `entries`. */
  first: number
}

/** Maximum number of message losses that a replica remembers. Messages are lost only when the store fails, so losses are rare. */
const maxEnds = 100

export class History {
  private readonly bounds: HistoryBounds
  private readonly rooms = new Map<string, RoomEntries>()
  /** All entries in order; the valid ones start at index `first`. */
  private entries: Entry[] = []
  private first = 0
  private size = 0
  /**
   * For each room, the sequence number of the last message that is no longer stored. The map is ordered by the age of its entries, oldest
   * first, and contains at most `bounds.messages` rooms.
   */
  private readonly dropped = new Map<string, number>()
  /** Highest sequence number of any removed message in rooms that are not in the `dropped` map. */
  private droppedElsewhere = 0
  /**
   * The last sequence number of each recent message loss. The log contains no messages with the lost sequence numbers, and the next stored
   * message has a higher sequence number.
   */
  private readonly ends: number[] = []

  constructor(bounds: HistoryBounds) {
    this.bounds = bounds
  }

  /** Number of stored messages. */
  get count(): number {
    return this.entries.length - this.first
  }

  /** Total size of the stored messages, in bytes. */
  get bytes(): number {
    return this.size
  }

  /** Stores a message. Messages must be added in order of increasing sequence numbers. */
  add({ room, seq, frame }: StoredMessage, nowMs: number): void {
    const entry: Entry = { room, seq, frame, storedAtMs: nowMs }
    this.entries.push(entry)
    this.size += frame.frame.length
    let ofRoom = this.rooms.get(room)
    if (ofRoom === undefined) {
      ofRoom = { entries: [], first: 0 }
      this.rooms.set(room, ofRoom)
    }
    ofRoom.entries.push(entry)
    while (this.count > this.bounds.messages || this.size > this.bounds.bytes) this.drop()
    this.expire(nowMs)
  }

  /** Removes messages that exceed the maximum age. */
  expire(nowMs: number): void {
    for (let oldest = this.entries[this.first]; oldest !== undefined; oldest = this.entries[this.first]) {
      if (nowMs - oldest.storedAtMs < this.bounds.ageMs) break
      this.drop()
    }
  }

  /** Records that messages up to the given sequence number have been lost; the loss may affect any room. */
  lose(upToSeq: number): void {
    this.ends.push(upToSeq)
    if (this.ends.length > maxEnds) this.ends.shift()
    this.droppedElsewhere = Math.max(this.droppedElsewhere, upToSeq)
    for (const [room, seq] of this.dropped) if (seq <= upToSeq) this.dropped.delete(room)
  }

  /**
   * Returns the messages that a member of the given rooms missed.
   * @param lastSeq the sequence number of the last message that the member received; 0 if it has received none, in which case no gap is
   * reported
   * @returns the stored messages after `lastSeq`, in order, and the gap: the range of sequence numbers in which the member may have missed
   * other messages, or null
   */
  since(lastSeq: number, rooms: Iterable<string>): { messages: StoredMessage[]; gap: { from: number; to: number } | null } {
    const messages: StoredMessage[] = []
    let lostTo = 0
    for (const room of rooms) {
      lostTo = Math.max(lostTo, this.dropped.get(room) ?? this.droppedElsewhere)
      const ofRoom = this.rooms.get(room)
      if (ofRoom === undefined) continue
      for (let i = ofRoom.entries.length - 1; i >= ofRoom.first; i--) {
        const entry = ofRoom.entries[i]
        if (entry === undefined || entry.seq <= lastSeq) break
        messages.push(entry)
      }
    }
    messages.sort((a, b) => a.seq - b.seq)
    lostTo = Math.max(lostTo, this.missingAfter(lastSeq))
    return { messages, gap: lostTo > lastSeq && lastSeq > 0 ? { from: lastSeq + 1, to: lostTo } : null }
  }

  /**
   * Checks whether the given sequence number lies between those of two adjacent stored messages, which shows that the store has lost the
   * message with this number.
   * @returns the number just before the next stored message's sequence number, up to which messages may be missing; 0 if no new loss was
   * detected
   */
  private missingAfter(seq: number): number {
    let [low, high] = [this.first, this.entries.length]
    while (low < high) {
      const middle = (low + high) >> 1
      if ((this.entries[middle]?.seq ?? 0) > seq) high = middle
      else low = middle + 1
    }
    const [before, after] = [this.entries[low - 1], this.entries[low]]
    if (low === this.first || after === undefined || before?.seq === seq) return 0
    // If `lose` has recorded a loss that ends between the given sequence number and the next stored message, the loss is not reported
    // again.
    return this.ends.some((end) => end >= seq && end < after.seq) ? 0 : after.seq - 1
  }

  /** Returns a room's latest messages, oldest first. */
  last(room: string, count: number): StoredMessage[] {
    const ofRoom = this.rooms.get(room)
    if (ofRoom === undefined || count === 0) return []
    return ofRoom.entries.slice(Math.max(ofRoom.first, ofRoom.entries.length - count))
  }

  private drop(): void {
    const entry = this.entries[this.first]
    if (entry === undefined) return
    this.size -= entry.frame.frame.length
    this.entries[this.first++] = gone
    this.entries = this.tightened(this.entries, this.first, () => {
      this.first = 0
    })
    const ofRoom = this.rooms.get(entry.room)
    if (ofRoom !== undefined) {
      ofRoom.entries[ofRoom.first++] = gone
      if (ofRoom.first === ofRoom.entries.length) this.rooms.delete(entry.room)
      else
        ofRoom.entries = this.tightened(ofRoom.entries, ofRoom.first, () => {
          ofRoom.first = 0
        })
    }
    this.dropped.delete(entry.room)
    this.dropped.set(entry.room, entry.seq)
    for (const [room, seq] of this.dropped) {
      if (this.dropped.size <= this.bounds.messages) break
      this.dropped.delete(room)
      this.droppedElsewhere = Math.max(this.droppedElsewhere, seq)
    }
  }

  /** Drops the unused start of a list once it makes up half of the list, so that removals are cheap on average. */
  private tightened(entries: Entry[], first: number, restart: () => void): Entry[] {
    if (first < 64 || first * 2 < entries.length) return entries
    restart()
    return entries.slice(first)
  }
}

/** Placeholder for a removed list entry, so that the entry's frame can be garbage-collected. */
const gone: Entry = { room: '', seq: 0, frame: { frame: Buffer.alloc(0), payloadBytes: 0 }, storedAtMs: 0 }
