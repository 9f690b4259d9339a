/** Stores the room members on this replica, and defines the interface for counting members across all replicas. Pure. */

/** Counts room members across all replicas. */
export interface Presence {
  /** Records the number of members that a room has on this replica. */
  set(room: string, here: number): void
  /**
   * Returns the number of members that a room has across all reachable replicas. Resolves within two seconds; if the store is unavailable,
   * the result is the number of local members.
   */
  total(room: string): Promise<number>
}

/** Counts room members on a replica without Valkey. */
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

/** Stores the room members on this replica. */
export class Rooms<M extends { rooms: Set<string> }> {
  private readonly members = new Map<string, Set<M>>()
  private memberships = 0

  /** Number of rooms with at least one member on this replica. */
  get roomCount(): number {
    return this.members.size
  }

  /** Total number of room memberships on this replica. */
  get memberCount(): number {
    return this.memberships
  }

  /**
   * Adds a member to a room; adding the same member again has no effect. Returns the number of members that the room has on this replica.
   */
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

  /** Removes a member. Returns the number of members that remain in the room on this replica. */
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

  /** Returns the number of members that a room has on this replica. */
  count(room: string): number {
    return this.members.get(room)?.size ?? 0
  }

  of(room: string): ReadonlySet<M> {
    return this.members.get(room) ?? noMembers
  }
}

const noMembers: ReadonlySet<never> = new Set()
