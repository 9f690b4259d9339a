/**
 * Defines the room log, which contains all messages to rooms in one order that all replicas share. Each replica stores the latest
 * messages in memory (history.ts) and sends them to late joiners and resumed sessions. This file defines the interface and the in-memory
 * log of a replica without Valkey. Pure.
 */

/** A message to a room that is not stored yet and has no sequence number. */
export interface RoomDraft {
  room: string
  /** The JSON of the room_message in UTF-8 without its end; sequence number, offset and closing brace are appended later. */
  head: Buffer
  /** The wall-clock time of publishing, in milliseconds since 1970. */
  publishedAtMs: number
  /** The trace context of the message, if the message is traced. */
  traceparent?: string | undefined
  /** Identifies the message. A second draft with the same key gets the sequence number of the first draft and is not delivered. */
  key: string
}

/** A message that is stored in the room log. */
export interface RoomMessage extends Omit<RoomDraft, 'key'> {
  /**
   * The sequence number of the message over all rooms. The sequence number always increases, even after a loss of the log, but it may skip
   * values.
   */
  seq: number
  /**
   * The number of the message within its room, counted from 1 without gaps. The offset restarts at 1 if the store has lost the data of the
   * room.
   */
  offset: number
}

/** Outcome of a draft. The outcome `provisional` is followed by another outcome, unless the replica ends first. */
export type Published = { result: 'stored' | 'duplicate'; seq: number } | { result: 'provisional' } | { result: 'refused' }

export interface RoomLogEvents {
  /** Called for every stored message of all replicas, in the order of the log. */
  onMessage(message: RoomMessage): void
  /** Called for a draft of this replica that cannot be stored at present. The call of `onMessage` follows when the message is stored. */
  onProvisional(draft: RoomDraft): void
  /**
   * Called when all messages up to the given sequence number are lost.
   * @param backTo set if the store restarted with older data: messages after `backTo` are also lost, even if they were already read
   */
  onLost(upToSeq: number, backTo?: number): void
  /**
   * Called when the store has reported the end of the log.
   * @param lastSeq the last sequence number of the log
   * @param nextSeq a lower bound for the sequence numbers of later messages
   */
  onEnd(lastSeq: number, nextSeq: number): void
}

export interface RoomLog {
  /** The name of the log in health reports. */
  readonly name: string
  /**
   * Starts the log with the given event handlers. Resolves when the messages that are already stored have been delivered. Call this method
   * once, before the first publish.
   */
  start(events: RoomLogEvents): Promise<void>
  /**
   * Stores a message. The callback `done` is called once, and a second time if the first outcome was `provisional`. This method does not
   * throw if the store is unavailable.
   */
  publish(draft: RoomDraft, done: (outcome: Published) => void): void
  /** Sequence number up to which this replica has delivered the log; 0 if it has read nothing yet. */
  readonly position: number
  /**
   * Resolves when the log has been delivered up to the given sequence number, or after one second. Resolves at once if the store is
   * unavailable. A client that comes from another replica may have received messages that this replica has not read yet.
   */
  reached(seq: number): Promise<void>
  /** Number of drafts that wait until the store has stored them. */
  readonly waiting: number
  /** Whether published messages reach the other replicas at present. */
  healthy(): boolean
  stop(): Promise<void>
}

/**
 * Number of available sequence numbers per millisecond. A new log starts with a sequence number computed from the current time, which
 * exceeds every number used before.
 */
export const seqsPerMs = 1000

/** The room log of a replica without Valkey. The in-memory log stores and delivers published messages at once. */
export class MemoryRoomLog implements RoomLog {
  readonly name = 'memory'
  readonly waiting = 0
  position: number
  private events: RoomLogEvents | undefined
  private readonly offsets = new Map<string, number>()
  /** The sequence numbers of the last messages by message key, oldest first. */
  private readonly places = new Map<string, number>()
  private readonly now: () => number
  private readonly maxKeys: number

  /**
   * @param now returns the wall-clock time, in milliseconds since 1970
   * @param maxKeys the number of latest messages whose repetition is recognised
   */
  constructor(now: () => number, maxKeys: number) {
    this.now = now
    this.maxKeys = maxKeys
    this.position = now() * seqsPerMs
  }

  async start(events: RoomLogEvents): Promise<void> {
    this.events = events
    // Messages of an earlier process of this replica are not available.
    events.onLost(this.position)
  }

  publish({ key, ...draft }: RoomDraft, done: (outcome: Published) => void): void {
    const before = this.places.get(key)
    if (before !== undefined) {
      done({ result: 'duplicate', seq: before })
      return
    }
    const offset = (this.offsets.get(draft.room) ?? 0) + 1
    // The room is deleted from the map and inserted again, so that the least recently used room comes first.
    this.offsets.delete(draft.room)
    this.offsets.set(draft.room, offset)
    this.position = Math.max(this.position + 1, this.now() * seqsPerMs)
    this.places.set(key, this.position)
    forgetOldest(this.places, this.maxKeys)
    forgetOldest(this.offsets, this.maxKeys)
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
