/** Which replica a request goes to: as Traefik does it, round robin over those that are ready, and by the cookie for who has one. Pure. */

export interface PoolMember {
  id: string
  ready: boolean
}

/** Gives each new client the next replica. */
export class Pool {
  private turn = 0

  /**
   * The replicas to try, best first: the one of the cookie while it is ready, then the others in turn. Empty when none is ready.
   * @param cookie value of the sticky cookie, if the client brought one
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

/** The value of one cookie in a Cookie header. */
export function cookieValue(header: string | undefined, name: string): string | undefined {
  for (const pair of header?.split(';') ?? []) {
    const at = pair.indexOf('=')
    if (at > 0 && pair.slice(0, at).trim() === name) return pair.slice(at + 1).trim()
  }
  return undefined
}
