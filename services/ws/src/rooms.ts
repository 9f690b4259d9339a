/** Who hears what: membership on this replica, and the port by which room messages travel between replicas. Pure. */

/** A message to a room, as it travels between replicas. */
export interface RoomMessage {
  room: string
  /** UTF-8 of the message's JSON as members receive it, without its closing brace: each session adds its own number. */
  head: Buffer
  /** Wall-clock time of publishing, milliseconds since 1970. */
  publishedAtMs: number
}

/**
 * Carries room messages to every replica that has members, this one included, in the order they were published.
 * The embedded default stays within the process.
 */
export interface RoomBus {
  /** Name shown in health reports. */
  readonly name: string
  publish(message: RoomMessage): void
  /** Sets who gets the messages; once, before anything is published. */
  onMessage(deliver: (message: RoomMessage) => void): void
  /** Whether messages get through to other replicas right now. */
  healthy(): boolean
}

/** The bus of a replica that works alone: what is published is delivered at once. */
export class MemoryRoomBus implements RoomBus {
  readonly name = 'memory'
  private deliver: (message: RoomMessage) => void = () => {}

  publish(message: RoomMessage): void {
    this.deliver(message)
  }

  onMessage(deliver: (message: RoomMessage) => void): void {
    this.deliver = deliver
  }

  healthy(): boolean {
    return true
  }
}

/** Members of rooms on this replica. */
export class Rooms<M extends { rooms: Set<string> }> {
  private readonly members = new Map<string, Set<M>>()
  private memberships = 0

  /** Rooms with at least one member here. */
  get roomCount(): number {
    return this.members.size
  }

  /** Memberships over all rooms here. */
  get memberCount(): number {
    return this.memberships
  }

  /** Adds a member; joining twice is the same as joining once. Returns the members here. */
  join(room: string, member: M): number {
    let inRoom = this.members.get(room)
    if (inRoom === undefined) {
      inRoom = new Set()
      this.members.set(room, inRoom)
    }
    if (!inRoom.has(member)) {
      inRoom.add(member)
      member.rooms.add(room)
      this.memberships++
    }
    return inRoom.size
  }

  /** Takes a member out. Returns the members that remain here. */
  leave(room: string, member: M): number {
    const inRoom = this.members.get(room)
    if (inRoom === undefined) return 0
    if (inRoom.delete(member)) {
      member.rooms.delete(room)
      this.memberships--
    }
    if (inRoom.size === 0) this.members.delete(room)
    return inRoom.size
  }

  leaveAll(member: M): void {
    for (const room of [...member.rooms]) this.leave(room, member)
  }

  /** Members of a room here. */
  count(room: string): number {
    return this.members.get(room)?.size ?? 0
  }

  of(room: string): Iterable<M> {
    return this.members.get(room) ?? []
  }
}
