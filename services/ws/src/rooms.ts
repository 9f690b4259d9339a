/** Who hears what on this replica, and the port by which replicas tell each other how many. Pure. */

/** Counts members of rooms over all replicas. */
export interface Presence {
  /** Takes note how many members a room has here. */
  set(room: string, here: number): void
  /** Members over all replicas that answer; resolves within two seconds, with those here when the others can't be asked. */
  total(room: string): Promise<number>
}

/** The presence of a replica that works alone. */
export class LocalPresence implements Presence {
  private readonly here = new Map<string, number>()

  set(room: string, here: number): void {
    if (here === 0) this.here.delete(room)
    else this.here.set(room, here)
  }

  async total(room: string): Promise<number> {
    return this.here.get(room) ?? 0
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

  /** Members of a room here. */
  count(room: string): number {
    return this.members.get(room)?.size ?? 0
  }

  of(room: string): ReadonlySet<M> {
    return this.members.get(room) ?? nobody
  }
}

const nobody: ReadonlySet<never> = new Set()
