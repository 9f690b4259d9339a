/** Limits a connection's message rate. The rate limiter is pure: the time is passed as a parameter. */

/** A connection is closed for abuse when the number of refused frames exceeds this multiple of the allowed messages per second. */
const abuseFactor = 10

export type RateDecision = 'pass' | 'limited' | 'abuse'

/**
 * The token bucket holds one second's worth of tokens. Refused frames are counted until the token bucket is full again. If more frames are
 * refused than the rate limit allows in ten seconds, this counts as abuse.
 */
export class RateLimit {
  private tokens: number
  private refused = 0
  private lastMs: number
  private readonly perSecond: number

  /**
   * @param perSecond the allowed number of messages per second, which is also the maximum burst size
   * @param nowMs the time on a monotonic clock
   */
  constructor(perSecond: number, nowMs: number) {
    this.perSecond = perSecond
    this.tokens = perSecond
    this.lastMs = nowMs
  }

  /**
   * Adds the tokens of a time in which the replica did not read from the connection, even if the bucket then holds more than one second's
   * worth. The client's messages of this time arrive all at once, and the client has not exceeded its rate.
   * @param unreadMs the duration of that time
   * @param nowMs the current time, from the clock that was also used for the constructor
   */
  credit(unreadMs: number, nowMs: number): void {
    this.tokens += (unreadMs * this.perSecond) / 1000
    this.lastMs = nowMs
  }

  /** Takes a token from the bucket for one message. @param nowMs the current time, from the clock that was also used for the constructor */
  take(nowMs: number): RateDecision {
    const refilled = this.tokens + ((nowMs - this.lastMs) * this.perSecond) / 1000
    this.lastMs = nowMs
    if (refilled >= this.perSecond) {
      this.tokens = Math.max(this.perSecond, this.tokens) - 1
      this.refused = 0
      return 'pass'
    }
    if (refilled >= 1) {
      this.tokens = refilled - 1
      return 'pass'
    }
    this.tokens = refilled
    this.refused++
    return this.refused > this.perSecond * abuseFactor ? 'abuse' : 'limited'
  }
}
