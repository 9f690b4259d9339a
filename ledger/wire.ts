/**
 * Checks the frames of one connection before the client library processes them. Within each room, offsets must have no gaps, repetitions or
 * swaps, except those announced by a room_joined, resumed or resume_gap message. Pure.
 */
import type { ServerMessageType } from '../contract/src/messages.ts'

/** A protocol violation in a connection's frames. */
export interface WireBreach {
  kind: 'skipped' | 'repeated' | 'swapped'
  room: string
  offset: number
  seq: number
  /** Content of a room message. */
  data: unknown
}

/** The fields of a server message that are checked. */
interface Frame {
  type?: ServerMessageType
  room?: string
  seq?: number
  offset?: number
  provisional?: boolean
  data?: unknown
}

interface RoomState {
  offset: number
  seq: number
  /** Offsets that have not arrived yet, although later ones have. */
  missing: Map<number, WireBreach>
}

export class Wire {
  private readonly rooms = new Map<string, RoomState>()
  /** Gaps that were still open when the replica started a new sequence of offsets. */
  private readonly holes: WireBreach[] = []

  /**
   * Checks a received message.
   * @returns the violation in this frame, if any; gaps are not returned here, because they are detected only when the connection ends
   */
  see(frame: Frame): WireBreach | undefined {
    switch (frame.type) {
      case 'room_joined':
        this.restart(frame.room)
        return undefined
      case 'resume_gap':
      case 'resumed':
        if (frame.room === undefined) for (const room of [...this.rooms.keys()]) this.restart(room)
        else this.restart(frame.room)
        return undefined
      case 'room_message':
        return frame.provisional ? undefined : this.message(frame)
      default:
        return undefined
    }
  }

  /** Returns the gaps that remain when the connection has ended. */
  end(): readonly WireBreach[] {
    for (const room of [...this.rooms.keys()]) this.restart(room)
    return this.holes
  }

  private restart(room: string | undefined): void {
    if (room === undefined) return
    this.holes.push(...(this.rooms.get(room)?.missing.values() ?? []))
    this.rooms.delete(room)
  }

  private message({ room = '', seq = 0, offset = 0, data }: Frame): WireBreach | undefined {
    const state = this.rooms.get(room)
    // A new sequence of offsets begins with a room's first message, and whenever the store has lost the room's data.
    if (state === undefined || (offset === 1 && seq > state.seq)) {
      this.restart(room)
      this.rooms.set(room, { offset, seq, missing: new Map() })
      return undefined
    }
    if (offset > state.offset) {
      for (let hole = state.offset + 1; hole < offset && state.missing.size < mostHoles; hole++) {
        state.missing.set(hole, { kind: 'skipped', room, offset: hole, seq: 0, data: undefined })
      }
      state.offset = offset
      state.seq = Math.max(state.seq, seq)
      return undefined
    }
    const kind = state.missing.delete(offset) ? 'swapped' : 'repeated'
    return { kind, room, offset, seq, data }
  }
}

/** Maximum number of missing offsets that are stored per room. */
const mostHoles = 10_000
