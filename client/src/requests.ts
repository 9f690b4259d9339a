/**
 * Requests that wait for their answer, in the order they were made. On a new connection they are sent again with the same
 * id, by which the server recognises what it has already. Pure.
 */
import type { RequestKind } from './types.ts'

export interface Request {
  id: string
  kind: RequestKind
  room: string | undefined
  /** The frame, ready to be sent. */
  text: string
  /** Made by the client itself, to be in a room again. */
  internal: boolean
  madeAtMs: number
  /** When it was sent on the present connection. */
  sentAtMs: number | undefined
  sends: number
  /** Answered by `stored: false`: the server keeps it, and stores it when it can. */
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
  /** Those that have yet to be sent on the present connection. */
  private unsent: Request[] = []
  private made = 0
  private readonly prefix: string
  private readonly most: number

  /** @param prefix makes ids unlike those of any other client; @param most how many may wait for an answer */
  constructor(prefix: string, most: number) {
    this.prefix = prefix
    this.most = most
  }

  /** How many wait for an answer. */
  get size(): number {
    return this.waiting.size
  }

  /** Makes a request. Throws when too many wait already. @param nowMs by a steady clock */
  make(kind: RequestKind, fields: RequestFields, nowMs: number, internal = false): Request {
    if (!internal && this.waiting.size >= this.most) {
      throw new Error(`${kind}: ${this.waiting.size} requests wait for an answer, and no more than ${this.most} may`)
    }
    this.made += 1
    const id = `${this.prefix}-${this.made}`
    const text = JSON.stringify({ type: kind, id, ...fields })
    const request = {
      ...{ id, kind, room: fields.room, text, internal, madeAtMs: nowMs },
      ...{ sentAtMs: undefined, sends: 0, provisional: false },
    }
    this.waiting.set(id, request)
    // What is to be sent to a room needs us in it.
    if (internal) this.unsent.unshift(request)
    else this.unsent.push(request)
    return request
  }

  get(id: string | number | undefined): Request | undefined {
    return typeof id === 'string' ? this.waiting.get(id) : undefined
  }

  /** The join that waits for the history of its room. */
  joinOf(room: string): Request | undefined {
    for (const request of this.waiting.values()) if (request.kind === 'join' && request.room === room) return request
    return undefined
  }

  settle(request: Request): void {
    this.waiting.delete(request.id)
  }

  /** The next to be sent, if any; `sent` says that it was. */
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

  /** A new connection: everything is sent again, except what the client asked for by itself, which it does anew. */
  restart(): void {
    for (const request of this.waiting.values()) {
      if (request.internal) this.waiting.delete(request.id)
      request.sentAtMs = undefined
    }
    this.unsent = [...this.waiting.values()]
  }

  /** Lines up again what was sent before a moment and has no answer. Returns when to look again, by the same clock. */
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
