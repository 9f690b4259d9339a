/**
 * Buffers room messages that have already been delivered to members on this replica but cannot be stored in the room log while the store is
 * unavailable. Clients that join a room during the outage also receive the provisional messages; otherwise they would receive a sender's
 * later messages first. Provisional messages are still waiting to be stored, so the outbox limit applies to them as well. Pure.
 */
import { provisionalEnd } from './encode.ts'
import type { RoomDraft } from './room-log.ts'
import { type TextFrame, textFrame } from './text-frame.ts'

export class Provisional {
  /** The provisional messages, by content, oldest first. */
  private readonly waiting = new Map<string, { room: string; frame: TextFrame }>()

  /** Buffers a message that currently cannot be stored. @returns the frame to send to the members of the room */
  add({ room, head }: Pick<RoomDraft, 'room' | 'head'>): TextFrame {
    const frame = textFrame(head, provisionalEnd)
    this.waiting.set(keyOf(head), { room, frame })
    return frame
  }

  /** Removes a message that has been stored. */
  stored(head: Buffer): void {
    if (this.waiting.size > 0) this.waiting.delete(keyOf(head))
  }

  /** Returns the waiting messages in the given rooms, in order. */
  *of(rooms: ReadonlySet<string>): Iterable<TextFrame> {
    for (const { room, frame } of this.waiting.values()) if (rooms.has(room)) yield frame
  }

  /**
   * Removes all messages. Provisional messages that are still buffered when the store is available again have been stored through other
   * replicas, to which their senders had reconnected.
   */
  clear(): void {
    this.waiting.clear()
  }
}

function keyOf(head: Buffer): string {
  return head.toString('latin1')
}
