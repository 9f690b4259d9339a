/** The world of clients in Node: sockets of ws, which are lighter than Node's own. */
import { WebSocket } from 'ws'
import type { Environment, Socket } from '../client/src/types.ts'

export const nodeEnvironment: Environment = {
  dial: (url) => new WebSocket(url, { perMessageDeflate: false, skipUTF8Validation: true }) as unknown as Socket,
  setTimer: (then, delayMs) => setTimeout(then, delayMs),
  clearTimer: (timer) => clearTimeout(timer as NodeJS.Timeout),
  now: Date.now,
  steady: () => performance.now(),
  random: Math.random,
}
