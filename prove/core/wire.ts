/**
 * What a replica puts on one connection, before the client library tidies it up: room by room, numbers without a hole, a
 * repetition or a swap, unless the replica said so (room_joined, resumed, resume_gap). Pure.
 */

/** A breach of that, in the terms of the findings. */
export interface WireBreach {
  kind: 'skipped' | 'repeated' | 'swapped'
  room: string
  offset: number
  seq: number
  /** What the message carried. */
  data: unknown
}

/** The part of a server's message that is looked at. */
interface Frame {
  type?: string
  room?: string
  seq?: number
  offset?: number
  provisional?: boolean
  data?: unknown
}

interface RoomState {
  offset: number
  seq: number
  /** Offsets that have not come yet though later ones have. */
  missing: Map<number, WireBreach>
}

export class Wire {
  private readonly rooms = new Map<string, RoomState>()
  /** Holes that nothing filled before the stream began anew. */
  private readonly holes: WireBreach[] = []

  /** Looks at a message that came. @returns what is wrong with it, if anything; a hole is known only at the end */
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

  /** The connection is over: what never came. */
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
    // The first one, or a room that was forgotten and begins anew.
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

/** Bound on what is remembered of one room. */
const mostHoles = 10_000
