/**
 * Chooses the replica for a request in the same way as Traefik: by sticky cookie if the request has one; otherwise round-robin over the
 * ready replicas. Pure.
 */

export interface PoolMember {
  id: string
  ready: boolean
}

/** Assigns new clients to replicas in turn. */
export class Pool {
  private turn = 0

  /**
   * Returns the replicas to try, best first: the replica named by the cookie, if it is ready, followed by the other ready replicas in turn.
   * Returns an empty list if no replica is ready.
   * @param cookie value of the sticky cookie, if the client sent one
   */
  candidates<M extends PoolMember>(members: readonly M[], cookie: string | undefined): M[] {
    const ready = members.filter((member) => member.ready)
    const sticky = ready.find(({ id }) => id === cookie)
    if (sticky !== undefined) return [sticky, ...ready.filter((member) => member !== sticky)]
    if (ready.length === 0) return []
    const first = this.turn++ % ready.length
    return [...ready.slice(first), ...ready.slice(0, first)]
  }
}

/** Returns the value of one cookie in a Cookie header, or undefined if the header does not contain that cookie. */
export function cookieValue(header: string | undefined, name: string): string | undefined {
  for (const pair of header?.split(';') ?? []) {
    const at = pair.indexOf('=')
    if (at > 0 && pair.slice(0, at).trim() === name) return pair.slice(at + 1).trim()
  }
  return undefined
}
