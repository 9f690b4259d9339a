/** Computes the delay before the next connection attempt and paces outgoing messages. Pure. */

export interface BackoffPlan {
  mode: 'full-jitter' | 'none'
  baseMs: number
  capMs: number
}

/**
 * Returns the delay before the next connection attempt, in milliseconds. With full jitter, each client waits for a random fraction of a
 * window that doubles with every failure. Full jitter prevents all clients of a failed replica from reconnecting at the same moment.
 * @param failures the number of consecutive failed connection attempts
 * @param random a random number from 0 to 1
 */
export function backoffMs({ mode, baseMs, capMs }: BackoffPlan, failures: number, random: number): number {
  return mode === 'none' ? 0 : Math.round(random * Math.min(capMs, baseMs * 2 ** failures))
}

/** Fraction of the server's rate limit that the client uses; the rest leaves room for acknowledgements, heartbeats and clock drift. */
const shareOfRate = 0.9
const shareOfBurst = 0.5

/** Token bucket that limits the rate of outgoing messages, because the server drops messages that exceed its rate limit. */
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

  /** Takes a token from the bucket for one message. Returns false if the bucket has no tokens left. */
  take(nowMs: number): boolean {
    this.refill(nowMs)
    if (this.tokens < 1) return false
    this.tokens -= 1
    return true
  }

  /** Takes a token even if the bucket is empty, for a message that must be sent immediately. */
  spend(nowMs: number): void {
    this.refill(nowMs)
    this.tokens -= 1
  }

  /** Returns the time at which the next token becomes available, in milliseconds on the same clock as `nowMs`. */
  nextAtMs(): number {
    return this.lastMs + Math.max(0, ((1 - this.tokens) * 1000) / this.perSecond)
  }

  private refill(nowMs: number): void {
    this.tokens = Math.min(this.most, this.tokens + ((nowMs - this.lastMs) * this.perSecond) / 1000)
    this.lastMs = nowMs
  }
}
