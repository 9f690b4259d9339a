/**
 * Tracks the clients' claims, that is, sequence numbers that clients have received from another replica and that this replica has not read
 * yet. A client can be ahead of this replica for two reasons: its previous replica has read further, or the store restarted with older data
 * and the log no longer contains the number. By reading further and by requesting the end of the log from the store, the replica
 * distinguishes messages that it has not read yet from lost messages. Pure.
 */
import type { HubSession } from './membership.ts'

/** A client's report that it has received every message up to a certain sequence number. */
export interface Claim {
  /** The room for which the client claims to have received every message; undefined if the claim applies to all rooms of the session. */
  room: string | undefined
  seq: number
  /** Number of checks in which the log ended before the claimed sequence number. */
  beyond: number
}

type Found = [session: HubSession, claim: Claim]

export class Ahead {
  private readonly claims = new Map<HubSession, Claim[]>()

  add(session: HubSession, seq: number, room?: string): void {
    const others = (this.claims.get(session) ?? []).filter((claim) => claim.room !== room)
    this.claims.set(session, [...others, { room, seq, beyond: 0 }])
  }

  /** Removes all claims that the client of a session has made, or only its claim for one room. */
  remove(session: HubSession, room?: string): void {
    if (this.claims.size === 0) return
    const left = room === undefined ? [] : (this.claims.get(session) ?? []).filter((claim) => claim.room !== room)
    if (left.length > 0) this.claims.set(session, left)
    else this.claims.delete(session)
  }

  /**
   * Records that the replica has read the given sequence number from the log.
   * @returns the clients' claims whose sequence numbers the log lacks: the replica has read a higher sequence number, but never the claimed
   * one
   */
  read(seq: number): Found[] {
    return this.settle((claim) => claim.seq <= seq).filter(([, claim]) => claim.seq < seq)
  }

  /**
   * Records that all messages up to the given sequence number are lost.
   * @returns the clients' claims about lost sequence numbers, which are no longer relevant
   */
  lost(upToSeq: number): Found[] {
    return this.settle((claim) => claim.seq <= upToSeq)
  }

  /**
   * Records that the log ends at the given sequence number.
   * @returns the claims beyond the end of the log that two checks have found, as a single check may have begun before the claim was made
   */
  ends(lastSeq: number): Found[] {
    return this.settle((claim) => claim.seq > lastSeq && ++claim.beyond > 1)
  }

  /** Removes and returns the clients' claims for which `decided` returns true. */
  private settle(decided: (claim: Claim) => boolean): Found[] {
    const found: Found[] = []
    for (const [session, claims] of this.claims) {
      const left: Claim[] = []
      for (const claim of claims) {
        if (decided(claim)) found.push([session, claim])
        else left.push(claim)
      }
      if (left.length > 0) this.claims.set(session, left)
      else this.claims.delete(session)
    }
    return found
  }
}
