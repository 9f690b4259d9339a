/**
 * Room messages that members here were given before they are stored, because the store is away. Who enters a room meanwhile is
 * given them, too: nobody hears a sender's later words first and the earlier ones when they are stored. As many as wait for
 * the store, so with its bound. Pure.
 */
import type { RoomDraft } from './room-log.ts'
import { type TextFrame, textFrame } from './text-frame.ts'

export class Provisional {
  /** Oldest first. */
  private readonly waiting = new Map<string, { room: string; frame: TextFrame }>()

  /** Takes a message that can't be stored now. @returns the frame for members */
  add({ room, head }: Pick<RoomDraft, 'room' | 'head'>): TextFrame {
    const frame = textFrame(head, ',"provisional":true}')
    this.waiting.set(keyOf(head), { room, frame })
    return frame
  }

  /** Takes note that a message has its place now. */
  stored(head: Buffer): void {
    if (this.waiting.size > 0) this.waiting.delete(keyOf(head))
  }

  /** What waits of these rooms, in order. */
  *of(rooms: ReadonlySet<string>): Iterable<TextFrame> {
    for (const { room, frame } of this.waiting.values()) if (rooms.has(room)) yield frame
  }

  /** Nothing waits any more: what is here was stored by its sender's way through another replica. */
  clear(): void {
    this.waiting.clear()
  }
}

function keyOf(head: Buffer): string {
  return head.toString('latin1')
}
