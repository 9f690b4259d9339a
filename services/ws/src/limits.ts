/** How fast a connection may send. Pure: time is passed in. */

/** A frame that finds this many times the rate's worth of refusals behind it is abuse, and ends the connection. */
const abuseFactor = 10

export type RateVerdict = 'pass' | 'limited' | 'abuse'

/**
 * Token bucket with room for one second of the rate. Refused frames are counted too: when more than ten seconds' worth
 * of them came without the connection ever falling back under its rate, that is abuse.
 */
export class RateLimit {
  private tokens: number
  private refused = 0
  private lastMs: number
  private readonly perSecond: number

  /** @param perSecond messages per second, also the size of a burst; @param nowMs any steady clock */
  constructor(perSecond: number, nowMs: number) {
    this.perSecond = perSecond
    this.tokens = perSecond
    this.lastMs = nowMs
  }

  /** Takes one message. @param nowMs the same clock as before */
  take(nowMs: number): RateVerdict {
    const refilled = this.tokens + ((nowMs - this.lastMs) * this.perSecond) / 1000
    this.lastMs = nowMs
    if (refilled >= this.perSecond) {
      this.tokens = this.perSecond - 1
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
