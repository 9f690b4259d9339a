/** One connection of the client, and whether it still lives. Pure. */
import type { Greeting } from './wire.ts'

/** `dialling`, then `greeting` (open, and waiting for the first message), then perhaps `resuming`, then `ready`. */
export type LinkPhase = 'dialling' | 'greeting' | 'resuming' | 'ready'

/** How long a ready connection may be silent, in heartbeat intervals: then we ask, and then it is dead. */
const askAfter = 1.4
const deadAfter = 1.9
/** A client that was held up itself has not heard anything either: it always asks first, and waits this long. */
const answerWithin = 0.4
/** What is sent at least so often, as a share of the server's idle timeout, keeps the connection. */
const keepAliveShare = 1 / 3

export class Link {
  readonly number: number
  readonly dialledAtMs: number
  phase: LinkPhase = 'dialling'
  readyAtMs = 0
  /** The first message of the server. */
  greeting: Greeting | undefined
  private heartbeatMs = Number.POSITIVE_INFINITY
  private idleMs = Number.POSITIVE_INFINITY
  private heardAtMs = 0
  private sentAtMs = 0
  private askedAtMs: number | undefined

  constructor(number: number, nowMs: number) {
    this.number = number
    this.dialledAtMs = this.heardAtMs = this.sentAtMs = nowMs
  }

  /** Largest message that may be sent. Bytes. */
  get maxFrameBytes(): number {
    return this.greeting?.limits.maxFrameBytes ?? Number.POSITIVE_INFINITY
  }

  get messagesPerSecond(): number {
    return this.greeting?.limits.messagesPerSecond ?? 1
  }

  greeted(greeting: Greeting): void {
    this.greeting = greeting
    this.heartbeatMs = greeting.heartbeatIntervalMs
    this.idleMs = greeting.connectionTimeoutMs
  }

  heard(nowMs: number): void {
    this.heardAtMs = nowMs
    this.askedAtMs = undefined
  }

  sent(nowMs: number): void {
    this.sentAtMs = nowMs
  }

  /** Takes note that it was asked for a sign of life. */
  asked(nowMs: number): void {
    this.askedAtMs = nowMs
    this.sentAtMs = nowMs
  }

  /** What has to be done about it: a sign of life is due from either side, or it is dead. */
  check(nowMs: number): 'fine' | 'ask' | 'dead' {
    if (nowMs >= this.deadAtMs()) return 'dead'
    if (this.askedAtMs === undefined && nowMs >= this.heardAtMs + askAfter * this.heartbeatMs) return 'ask'
    return nowMs >= this.sentAtMs + keepAliveShare * this.idleMs ? 'ask' : 'fine'
  }

  /** When to check again. Milliseconds by the same clock. */
  nextCheckMs(): number {
    const silence = this.askedAtMs === undefined ? this.heardAtMs + askAfter * this.heartbeatMs : this.deadAtMs()
    return Math.min(silence, this.sentAtMs + keepAliveShare * this.idleMs)
  }

  private deadAtMs(): number {
    if (this.askedAtMs === undefined) return Number.POSITIVE_INFINITY
    return Math.max(this.heardAtMs + deadAfter * this.heartbeatMs, this.askedAtMs + answerWithin * this.heartbeatMs)
  }
}
