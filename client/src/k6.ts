/** Implements the WebSocket client's environment with k6 sockets, timers and clocks. */
import type { CookieJar } from 'k6/http'
import { clearTimeout, setTimeout } from 'k6/timers'
import { WebSocket } from 'k6/websockets'
import type { Environment, Socket } from './types.ts'

export interface K6Dial {
  /**
   * Returns the virtual user's cookie jar; called before each connection attempt. Traefik's sticky cookie routes the virtual user back to
   * the same replica.
   */
  jar: () => CookieJar
  tags?: Record<string, string>
  random?: () => number
}

/** Returns the k6 environment for `createClient`. */
export function k6Environment({ jar, tags = {}, random = Math.random }: K6Dial): Environment {
  return {
    dial: (url) => new K6Socket(url, jar(), tags),
    setTimer: (then, delayMs) => setTimeout(then, delayMs),
    clearTimer: (timer) => clearTimeout(timer as number),
    now: () => Date.now(),
    // k6 has no monotonic clock.
    steady: () => Date.now(),
    random,
  }
}

type Listener = ((event?: never) => void) | null

/**
 * Wraps k6's socket. Closing a k6 socket before it is open would permanently stop the virtual user, so this class delays the close until
 * the socket is open.
 */
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
