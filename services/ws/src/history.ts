/**
 * The part of the room log that a replica keeps: bounded in number, bytes and age, shared by all sessions, so that a
 * session that is away costs next to nothing. Pure.
 */

import type { TextFrame } from './text-frame.ts'

export interface HistoryBounds {
  messages: number
  bytes: number
  ageMs: number
}

/** A message as it is kept: its place, and the frame that every member receives. */
export interface Kept {
  seq: number
  frame: TextFrame
}

interface Entry extends Kept {
  room: string
  keptAtMs: number
}

interface RoomEntries {
  entries: Entry[]
  /** Where the kept ones begin in `entries`. */
  first: number
}

export class History {
  private readonly bounds: HistoryBounds
  private readonly rooms = new Map<string, RoomEntries>()
  /** All entries in order, from index `first` on. */
  private entries: Entry[] = []
  private first = 0
  private size = 0
  /** Place of the last message of a room that is not kept any more. Oldest first, as many rooms as messages are kept. */
  private readonly dropped = new Map<string, number>()
  /** The same for rooms that are not in `dropped`. */
  private droppedElsewhere = 0

  constructor(bounds: HistoryBounds) {
    this.bounds = bounds
  }

  /** Messages kept. */
  get count(): number {
    return this.entries.length - this.first
  }

  /** Bytes kept. */
  get bytes(): number {
    return this.size
  }

  /** Keeps a message; places must grow. */
  add(room: string, { seq, frame }: Kept, nowMs: number): void {
    const entry: Entry = { room, seq, frame, keptAtMs: nowMs }
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

  /** Lets go of messages that are too old. */
  expire(nowMs: number): void {
    for (let oldest = this.entries[this.first]; oldest !== undefined; oldest = this.entries[this.first]) {
      if (nowMs - oldest.keptAtMs < this.bounds.ageMs) break
      this.drop()
    }
  }

  /** Takes note that messages up to this place, of any room, can't be had. */
  lose(upToSeq: number): void {
    this.droppedElsewhere = Math.max(this.droppedElsewhere, upToSeq)
    for (const [room, seq] of this.dropped) if (seq <= upToSeq) this.dropped.delete(room)
  }

  /**
   * What a member of these rooms missed.
   * @param lastSeq place of the last message it has
   * @returns the kept messages after it, in order, and the places between which some may be missing, if any
   */
  since(lastSeq: number, rooms: Iterable<string>): { messages: Kept[]; gap: { from: number; to: number } | null } {
    const messages: Kept[] = []
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
    return { messages, gap: lostTo > lastSeq ? { from: lastSeq + 1, to: lostTo } : null }
  }

  /** The last messages of a room, oldest first. */
  last(room: string, count: number): Kept[] {
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

  /** Dropping only moves the start; when half of a list is gone, its room is given back. */
  private tightened(entries: Entry[], first: number, restart: () => void): Entry[] {
    if (first < 64 || first * 2 < entries.length) return entries
    restart()
    return entries.slice(first)
  }
}

/** In the place of an entry that is not kept any more, so that its frame can go. */
const gone: Entry = { room: '', seq: 0, frame: { frame: Buffer.alloc(0), payloadBytes: 0 }, keptAtMs: 0 }
