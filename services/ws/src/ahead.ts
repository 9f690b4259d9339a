/**
 * Tracks clients' claims: sequence numbers that clients have received from another replica but this replica has not read yet. A client can
 * be ahead of this replica for two reasons: its previous replica had read more of the log, or the store restarted with older data and the
 * claimed number is no longer in the log. To distinguish unread messages from lost ones, the replica continues to read the log and asks the
 * store where the log ends. Pure.
 */
import type { HubSession } from './membership.ts'

/** A client's report that it has received every message up to a certain sequence number. */
export interface Claim {
  /** The room for which the client claims to have received every message; undefined if the claim applies to all rooms of the session. */
  room: string | undefined
  seq: number
  /** How many checks so far have found that the log ends before the claimed sequence number. */
  beyond: number
}

type Found = [session: HubSession, claim: Claim]

export class Ahead {
  private readonly claims = new Map<HubSession, Claim[]>()

  add(session: HubSession, seq: number, room?: string): void {
    const others = (this.claims.get(session) ?? []).filter((claim) => claim.room !== room)
    this.claims.set(session, [...others, { room, seq, beyond: 0 }])
  }

  /** Removes all claims of a session's client, or only its claim for the given room. */
  remove(session: HubSession, room?: string): void {
    if (this.claims.size === 0) return
    const left = room === undefined ? [] : (this.claims.get(session) ?? []).filter((claim) => claim.room !== room)
    if (left.length > 0) this.claims.set(session, left)
    else this.claims.delete(session)
  }

  /**
   * Records that the replica has read the given sequence number from the log.
   * @returns the claims whose sequence number turned out to be missing from the log, because the replica has now read a higher number
   * without having read the claimed one
   */
  read(seq: number): Found[] {
    return this.settle((claim) => claim.seq <= seq).filter(([, claim]) => claim.seq < seq)
  }

  /**
   * Records that all messages up to the given sequence number have been lost.
   * @returns the claims whose sequence numbers are among the lost ones; these claims are no longer tracked
   */
  lost(upToSeq: number): Found[] {
    return this.settle((claim) => claim.seq <= upToSeq)
  }

  /**
   * Records that the log ends at the given sequence number.
   * @returns the claims that two checks have found to be beyond the end of the log; one check is not enough, because it may have begun
   * before the claim was made
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
