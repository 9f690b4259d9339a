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
    dial: (url) => new WebSocket(url, null, { jar: jar(), tags }) as unknown as Socket,
    setTimer: (then, delayMs) => setTimeout(then, delayMs),
    clearTimer: (timer) => clearTimeout(timer as number),
    now: () => Date.now(),
    // k6 has no other clock.
    steady: () => Date.now(),
    random,
  }
}
