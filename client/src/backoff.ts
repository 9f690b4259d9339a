/** How long to wait before the next try, and how fast to send. Pure. */

export interface BackoffPlan {
  mode: 'full-jitter' | 'none'
  baseMs: number
  capMs: number
}

/**
 * Full jitter: a crowd that lost the same replica must not come back in step, so each waits a random share of a window
 * that doubles with every failure.
 * @param failures tries that failed before this one
 * @param random from 0 to 1
 */
export function backoffMs({ mode, baseMs, capMs }: BackoffPlan, failures: number, random: number): number {
  return mode === 'none' ? 0 : Math.round(random * Math.min(capMs, baseMs * 2 ** failures))
}

/** What we allow ourselves of the rate the server allows: the rest is for acks, heartbeats and differing clocks. */
const shareOfRate = 0.9
const shareOfBurst = 0.5

/** Keeps what we send below the server's limit: what it refuses for its rate is lost without an id. */
export class Pace {
  private perSecond = 1
  private most = 1
  private tokens = 1
  private lastMs = 0

  /** A new connection begins. @param perSecond messages the server allows */
  restart(perSecond: number, nowMs: number): void {
    this.perSecond = perSecond * shareOfRate
    this.most = Math.max(1, perSecond * shareOfBurst)
    this.tokens = this.most
    this.lastMs = nowMs
  }

  /** Takes one message's turn, if it has come. */
  take(nowMs: number): boolean {
    this.refill(nowMs)
    if (this.tokens < 1) return false
    this.tokens -= 1
    return true
  }

  /** Takes note of a message that does not wait for its turn. */
  spend(nowMs: number): void {
    this.refill(nowMs)
    this.tokens -= 1
  }

  /** When the next turn comes. Milliseconds by the same clock. */
  nextAtMs(): number {
    return this.lastMs + Math.max(0, ((1 - this.tokens) * 1000) / this.perSecond)
  }

  private refill(nowMs: number): void {
    this.tokens = Math.min(this.most, this.tokens + ((nowMs - this.lastMs) * this.perSecond) / 1000)
    this.lastMs = nowMs
  }
}
