/**
 * Implements the environment of the WebSocket client for Node. The sockets are those of the package ws, which need less memory than
 * Node's own WebSocket.
 */
import { WebSocket } from 'ws'
import type { Environment, Socket } from './types.ts'

/** @param headers returns the headers of the next handshake, for example a cookie with which the router selects a replica */
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
