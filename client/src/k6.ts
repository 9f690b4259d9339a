/** Sockets, timers and clocks of k6. */
import type { CookieJar } from 'k6/http'
import { clearTimeout, setTimeout } from 'k6/timers'
import { WebSocket } from 'k6/websockets'
import type { Environment, Socket } from './types.ts'

export interface K6Dial {
  /** The user's cookies, asked for before each dial: by them the router brings a user back to a replica. */
  jar: () => CookieJar
  tags?: Record<string, string>
  random?: () => number
}

/** What `createClient` needs in k6. */
export function k6Environment({ jar, tags = {}, random = Math.random }: K6Dial): Environment {
  return {
    dial: (url) => new K6Socket(url, jar(), tags),
    setTimer: (then, delayMs) => setTimeout(then, delayMs),
    clearTimer: (timer) => clearTimeout(timer as number),
    now: () => Date.now(),
    // k6 has no other clock.
    steady: () => Date.now(),
    random,
  }
}

type Listener = ((event?: never) => void) | null

/** k6's socket. Closing it before it is open, as browsers can, would stop the VU for good, so that waits until it is. */
class K6Socket implements Socket {
  onopen: Listener = null
  onmessage: Listener = null
  onerror: Listener = null
  onclose: Listener = null
  private readonly socket: WebSocket
  private state: 'connecting' | 'open' | 'over' = 'connecting'
  private closeWhenOpen: { code: number | undefined; reason: string | undefined } | undefined

  constructor(url: string, jar: CookieJar, tags: Record<string, string>) {
    const socket = new WebSocket(url, null, { jar, tags })
    this.socket = socket
    socket.onopen = () => {
      this.state = 'open'
      if (this.closeWhenOpen === undefined) this.onopen?.()
      else this.close(this.closeWhenOpen.code, this.closeWhenOpen.reason)
    }
    socket.onmessage = (event) => this.onmessage?.(event as never)
    socket.onerror = (event) => this.onerror?.(event as never)
    socket.onclose = (event?: unknown) => {
      this.state = 'over'
      this.onclose?.(event as never)
    }
  }

  send(text: string): void {
    this.socket.send(text)
  }

  close(code?: number, reason?: string): void {
    if (this.state === 'connecting') this.closeWhenOpen = { code, reason }
    else if (this.state === 'open') this.socket.close(code, reason)
  }
}
