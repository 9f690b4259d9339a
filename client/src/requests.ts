/**
 * Stores the requests that are awaiting a response, in the order in which the application made them. Once the client has reconnected, it
 * resends pending requests with unchanged ids, so that the server recognises those that it has already handled. Pure.
 */
import type { RequestKind } from './types.ts'

export interface Request {
  id: string
  kind: RequestKind
  room: string | undefined
  /** The encoded frame of the request. */
  text: string
  /** Whether the client created the request itself in order to rejoin a room. */
  internal: boolean
  madeAtMs: number
  /** Time at which the request was sent on the current connection. */
  sentAtMs: number | undefined
  sends: number
  /** Whether the server responded with `stored: false`, which means that it will store the message once the store is available. */
  provisional: boolean
}

export interface RequestFields {
  room?: string | undefined
  data?: unknown
  since?: number
  time?: number
}

export class Requests {
  private readonly waiting = new Map<string, Request>()
  /** Requests that are waiting to be sent on the current connection. */
  private unsent: Request[] = []
  private made = 0
  private readonly prefix: string
  private readonly most: number

  /**
   * @param prefix the prefix of all request ids; must be unique to this client
   * @param most the maximum number of requests that may be awaiting a response
   */
  constructor(prefix: string, most: number) {
    this.prefix = prefix
    this.most = most
  }

  /** Number of requests that are awaiting a response. */
  get size(): number {
    return this.waiting.size
  }

  /** Queues a request. Throws if too many requests are awaiting a response. @param nowMs the current time on a monotonic clock */
  make(kind: RequestKind, fields: RequestFields, nowMs: number, internal = false): Request {
    if (!internal && this.waiting.size >= this.most) {
      throw new Error(`${kind}: ${this.waiting.size} requests wait for an answer; the maximum is ${this.most}`)
    }
    this.made += 1
    const id = `${this.prefix}-${this.made}`
    const text = JSON.stringify({ type: kind, id, ...fields })
    const request = {
      id,
      kind,
      room: fields.room,
      text,
      internal,
      madeAtMs: nowMs,
      sentAtMs: undefined,
      sends: 0,
      provisional: false,
    }
    this.waiting.set(id, request)
    // Rejoin requests are sent first, because the server refuses messages to rooms that the client has not joined.
    if (internal) this.unsent.unshift(request)
    else this.unsent.push(request)
    return request
  }

  get(id: string | number | undefined): Request | undefined {
    return typeof id === 'string' ? this.waiting.get(id) : undefined
  }

  /** Returns the pending join request for a room, if any. */
  joinOf(room: string): Request | undefined {
    for (const request of this.waiting.values()) if (request.kind === 'join' && request.room === room) return request
    return undefined
  }

  settle(request: Request): void {
    this.waiting.delete(request.id)
  }

  /** Returns the next request to send, if any. The caller must call `sent` after sending the request. */
  next(): Request | undefined {
    while (this.unsent[0] !== undefined && !this.waiting.has(this.unsent[0].id)) this.unsent.shift()
    return this.unsent[0]
  }

  sent(nowMs: number): void {
    const request = this.unsent.shift()
    if (request === undefined) return
    request.sentAtMs = nowMs
    request.sends += 1
  }

  /**
   * Queues the pending requests for a new connection. Discards the client's own rejoin requests, because it creates new ones for each
   * connection.
   */
  restart(): void {
    for (const request of this.waiting.values()) {
      if (request.internal) this.waiting.delete(request.id)
      request.sentAtMs = undefined
    }
    this.unsent = [...this.waiting.values()]
  }

  /**
   * Requeues the requests that have waited too long for a response. Returns the time at which `overdue` must be called again, in
   * milliseconds on the same clock as `nowMs`.
   */
  overdue(nowMs: number, timeoutMs: number): number {
    let next = Number.POSITIVE_INFINITY
    const again: Request[] = []
    for (const request of this.waiting.values()) {
      if (request.sentAtMs === undefined || request.provisional) continue
      if (nowMs - request.sentAtMs < timeoutMs) {
        next = Math.min(next, request.sentAtMs + timeoutMs)
        continue
      }
      request.sentAtMs = undefined
      again.push(request)
    }
    this.unsent = [...again, ...this.unsent]
    return next
  }
}
