/** Computes the delay before the next connection attempt and paces outgoing messages. Pure. */

export interface BackoffPlan {
  mode: 'full-jitter' | 'none'
  baseMs: number
  capMs: number
}

/**
 * Returns the delay before the next connection attempt, in milliseconds. With full jitter, each client waits a random share of
 * a window that doubles with every failure, so that clients that lost the same replica do not reconnect at the same moment.
 * @param failures the number of consecutive connection attempts that have failed
 * @param random a random number from 0 to 1
 */
export function backoffMs({ mode, baseMs, capMs }: BackoffPlan, failures: number, random: number): number {
  return mode === 'none' ? 0 : Math.round(random * Math.min(capMs, baseMs * 2 ** failures))
}

/** Share of the server's rate limit that the client uses; the rest is reserved for acks, heartbeats and clock drift. */
const shareOfRate = 0.9
const shareOfBurst = 0.5

/** Token bucket that limits the rate of outgoing messages, because the server drops messages above its rate limit. */
export class Pace {
  private perSecond = 1
  private most = 1
  private tokens = 1
  private lastMs = 0

  /** Refills the token bucket for a new connection. @param perSecond the number of messages per second that the server allows */
  restart(perSecond: number, nowMs: number): void {
    this.perSecond = perSecond * shareOfRate
    this.most = Math.max(1, perSecond * shareOfBurst)
    this.tokens = this.most
    this.lastMs = nowMs
  }

  /** Takes a token from the bucket for one message. Returns false if no token is left. */
  take(nowMs: number): boolean {
    this.refill(nowMs)
    if (this.tokens < 1) return false
    this.tokens -= 1
    return true
  }

  /** Takes a token for a message that is sent at once, even if no token is left. */
  spend(nowMs: number): void {
    this.refill(nowMs)
    this.tokens -= 1
  }

  /** Returns the time at which the next token is available, in milliseconds of the clock that also supplies `nowMs`. */
  nextAtMs(): number {
    return this.lastMs + Math.max(0, ((1 - this.tokens) * 1000) / this.perSecond)
  }

  private refill(nowMs: number): void {
    this.tokens = Math.min(this.most, this.tokens + ((nowMs - this.lastMs) * this.perSecond) / 1000)
    this.lastMs = nowMs
  }
}
