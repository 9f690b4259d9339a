/** Tracks the state of a client connection and detects when the connection is dead. Pure. */
import type { Greeting } from './wire.ts'

/**
 * Phases of a connection in order: `dialling`; `greeting` (open, waiting for the first message); `resuming` (only if the client has a
 * session); `ready`.
 */
export type LinkPhase = 'dialling' | 'greeting' | 'resuming' | 'ready'

/**
 * How long the client waits for data on a ready connection before it probes the connection, and before it considers the connection dead. In
 * heartbeat intervals.
 */
const askAfter = 1.4
const deadAfter = 1.9
/**
 * How long the server has to respond to a probe, in heartbeat intervals. A suspended client receives no data even if its connection is
 * alive, so it probes the connection before closing it.
 */
const answerWithin = 0.4
/**
 * Maximum time between two messages from the client, as a fraction of the server's idle timeout. The client sends heartbeats to stay below
 * this limit, because the server closes idle connections.
 */
const keepAliveShare = 1 / 3

export class Link {
  readonly number: number
  readonly dialledAtMs: number
  phase: LinkPhase = 'dialling'
  readyAtMs = 0
  /** The first message that the server sent on this connection. */
  greeting: Greeting | undefined
  private heartbeatMs = Number.POSITIVE_INFINITY
  private idleMs = Number.POSITIVE_INFINITY
  private receivedAtMs = 0
  private sentAtMs = 0
  private askedAtMs: number | undefined

  constructor(number: number, nowMs: number) {
    this.number = number
    this.dialledAtMs = this.receivedAtMs = this.sentAtMs = nowMs
  }

  /** Maximum size of a message to the server, in bytes. */
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

  received(nowMs: number): void {
    this.receivedAtMs = nowMs
    this.askedAtMs = undefined
  }

  sent(nowMs: number): void {
    this.sentAtMs = nowMs
  }

  /** Records that a heartbeat was sent to probe the connection. */
  asked(nowMs: number): void {
    this.askedAtMs = nowMs
    this.sentAtMs = nowMs
  }

  /** Returns the action that is due: `ask` to send a heartbeat, `dead` to end the connection, or `fine` to do nothing. */
  check(nowMs: number): 'fine' | 'ask' | 'dead' {
    if (nowMs >= this.deadAtMs()) return 'dead'
    if (this.askedAtMs === undefined && nowMs >= this.receivedAtMs + askAfter * this.heartbeatMs) return 'ask'
    return nowMs >= this.sentAtMs + keepAliveShare * this.idleMs ? 'ask' : 'fine'
  }

  /** Returns the time at which `check` must be called again, in milliseconds on the same clock as `nowMs`. */
  nextCheckMs(): number {
    const silence = this.askedAtMs === undefined ? this.receivedAtMs + askAfter * this.heartbeatMs : this.deadAtMs()
    return Math.min(silence, this.sentAtMs + keepAliveShare * this.idleMs)
  }

  private deadAtMs(): number {
    if (this.askedAtMs === undefined) return Number.POSITIVE_INFINITY
    return Math.max(this.receivedAtMs + deadAfter * this.heartbeatMs, this.askedAtMs + answerWithin * this.heartbeatMs)
  }
}
