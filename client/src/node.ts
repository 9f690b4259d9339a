/**
 * Implements the WebSocket client's environment for Node. The environment's sockets come from the ws package and use less memory than
 * Node's built-in WebSocket.
 */
import { WebSocket } from 'ws'
import type { Environment, Socket } from './types.ts'

/** @param headers function that returns the headers of the next handshake, such as the cookie by which the router selects a replica */
export function nodeEnvironmentWith(headers: () => Record<string, string>): Environment {
  return {
    ...nodeEnvironment,
    dial: (url) => new WebSocket(url, { perMessageDeflate: false, skipUTF8Validation: true, headers: headers() }) as unknown as Socket,
  }
}

export const nodeEnvironment: Environment = {
  dial: (url) => new WebSocket(url, { perMessageDeflate: false, skipUTF8Validation: true }) as unknown as Socket,
  setTimer: (then, delayMs) => setTimeout(then, delayMs),
  clearTimer: (timer) => clearTimeout(timer as NodeJS.Timeout),
  now: Date.now,
  steady: () => performance.now(),
  random: Math.random,
}
