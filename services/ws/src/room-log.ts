/**
 * Defines the room log, which contains all room messages in a single order shared by all replicas. Each replica stores the latest messages
 * in memory (history.ts) and sends them to late joiners and resumed sessions. This file defines the room log's interface, and the in-memory
 * log for a replica without Valkey. Pure.
 */

/** A room message that is not stored yet and has no sequence number. */
export interface RoomDraft {
  room: string
  /** The room_message's JSON in UTF-8, without its end; the sequence number, offset and closing brace are appended later. */
  head: Buffer
  /** The wall-clock time at which the message was published, in milliseconds since 1970. */
  publishedAtMs: number
  /** The message's trace context, if the message is traced. */
  traceparent?: string | undefined
  /**
   * The sequence number up to which the sender has received messages, perhaps from another replica. The message is not delivered
   * provisionally before the replica has read the log up to this number, because the sender's own earlier messages may be among these.
   */
  afterSeq?: number
  /**
   * Identifies the message. If two drafts have the same key, the second one receives the first one's sequence number and is not delivered.
   */
  key: string
}

/** A message stored in the room log. */
export interface RoomMessage extends Omit<RoomDraft, 'key' | 'afterSeq'> {
  /**
   * The message's sequence number across all rooms. Sequence numbers always increase, even if the log is lost, but they may skip values.
   */
  seq: number
  /** The message's number within its room, counted from 1 without gaps. The offset restarts at 1 if the store has lost the room's data. */
  offset: number
}

/** Outcome of a draft. After a `provisional` outcome, another outcome follows unless the replica stops first. */
export type Published = { result: 'stored' | 'duplicate'; seq: number } | { result: 'provisional' } | { result: 'refused' }

export interface RoomLogEvents {
  /** Called for every stored message from any replica, in log order. */
  onMessage(message: RoomMessage): void
  /**
   * Called for a draft from this replica that currently cannot be stored. Once the message has been stored, `onMessage` is called for it.
   */
  onProvisional(draft: RoomDraft): void
  /**
   * Called when all messages up to the given sequence number have been lost.
   * @param backTo set if the store restarted with older data: messages after `backTo` are also lost, even if they were already read
   */
  onLost(upToSeq: number, backTo?: number): void
  /**
   * Called when the store has reported where the log ends.
   * @param lastSeq the last sequence number in the log
   * @param nextSeq a lower bound for the sequence numbers of later messages
   */
  onEnd(lastSeq: number, nextSeq: number): void
}

export interface RoomLog {
  /** The room log's name in health reports. */
  readonly name: string
  /**
   * Starts the log with the given event handlers. Resolves when the messages that are already stored have been delivered. Call this method
   * once, before publishing any message.
   */
  start(events: RoomLogEvents): Promise<void>
  /**
   * Stores a message. The `done` callback is called with the outcome; after a `provisional` outcome, it is called a second time with the
   * final outcome. This method does not throw if the store is unavailable.
   */
  publish(draft: RoomDraft, done: (outcome: Published) => void): void
  /** Sequence number up to which this replica has delivered the log; 0 if it has read nothing yet. */
  readonly position: number
  /**
   * Resolves when the log has been delivered up to the given sequence number, or after one second. Resolves immediately if the store is
   * unavailable. A client that moves to this replica from another one may have received messages that this replica has not read yet.
   */
  reached(seq: number): Promise<void>
  /** Number of drafts that are waiting to be stored. */
  readonly waiting: number
  /** Whether published messages currently reach the other replicas. */
  healthy(): boolean
  stop(): Promise<void>
}

/**
 * Factor by which a time in milliseconds is multiplied to obtain a sequence number. A new log starts at a sequence number that is computed
 * from the current time and exceeds all numbers used before.
 */
export const seqsPerMs = 1000

/** The room log of a replica without Valkey. The in-memory log stores and delivers published messages immediately. */
export class MemoryRoomLog implements RoomLog {
  readonly name = 'memory'
  readonly waiting = 0
  position: number
  private events: RoomLogEvents | undefined
  private readonly offsets = new Map<string, number>()
  /** The sequence numbers of the latest messages, by message key, oldest first. */
  private readonly places = new Map<string, number>()
  private readonly now: () => number
  private readonly maxKeys: number

  /**
   * @param now returns the wall-clock time, in milliseconds since 1970
   * @param maxKeys the maximum number of recent messages whose keys the log remembers to recognise duplicates
   */
  constructor(now: () => number, maxKeys: number) {
    this.now = now
    this.maxKeys = maxKeys
    this.position = now() * seqsPerMs
  }

  async start(events: RoomLogEvents): Promise<void> {
    this.events = events
    // Messages from an earlier process of this replica are no longer available.
    events.onLost(this.position)
  }

  publish({ key, ...draft }: RoomDraft, done: (outcome: Published) => void): void {
    const before = this.places.get(key)
    if (before !== undefined) {
      done({ result: 'duplicate', seq: before })
      return
    }
    const offset = (this.offsets.get(draft.room) ?? 0) + 1
    // The room is removed from the map and inserted again, so that the least recently used room comes first.
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
