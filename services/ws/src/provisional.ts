/**
 * Stores the room messages that members on this replica received before they were stored, because the store is unavailable. Clients that
 * join a room during the outage also receive the provisional messages; otherwise they would receive a sender's later messages first.
 * Provisional messages wait for the store, so the limit of the outbox applies to them as well. Pure.
 */
import { provisionalEnd } from './encode.ts'
import type { RoomDraft } from './room-log.ts'
import { type TextFrame, textFrame } from './text-frame.ts'

export class Provisional {
  /** Provisional messages by their content, oldest first. */
  private readonly waiting = new Map<string, { room: string; frame: TextFrame }>()

  /** Adds a message that cannot be stored at present. @returns the frame to send to the members of the room */
  add({ room, head }: Pick<RoomDraft, 'room' | 'head'>): TextFrame {
    const frame = textFrame(head, provisionalEnd)
    this.waiting.set(keyOf(head), { room, frame })
    return frame
  }

  /** Removes a message that has been stored. */
  stored(head: Buffer): void {
    if (this.waiting.size > 0) this.waiting.delete(keyOf(head))
  }

  /** Returns the waiting messages of the given rooms, in order. */
  *of(rooms: ReadonlySet<string>): Iterable<TextFrame> {
    for (const { room, frame } of this.waiting.values()) if (rooms.has(room)) yield frame
  }

  /**
   * Removes all messages. Messages that are still waiting have been stored through another replica, to which their senders had reconnected.
   */
  clear(): void {
    this.waiting.clear()
  }
}

function keyOf(head: Buffer): string {
  return head.toString('latin1')
}
