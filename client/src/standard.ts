/** Implements the WebSocket client's environment with the sockets, timers and clocks of browsers, or of Node 22 and later. */
import type { Environment, Socket } from './types.ts'

/**
 * The global functions and classes that browsers and Node have in common. Browser type definitions are not available in builds for Node or
 * k6, and Node type definitions are not available in browser builds.
 */
interface Host {
  WebSocket: new (url: string) => Socket
  setTimeout(then: () => void, delayMs: number): unknown
  clearTimeout(timer: unknown): void
  performance: { now(): number }
}

export function standardEnvironment(): Environment {
  const host = globalThis as unknown as Host
  return {
    dial: (url) => new host.WebSocket(url),
    setTimer: (then, delayMs) => host.setTimeout(then, delayMs),
    clearTimer: (timer) => host.clearTimeout(timer),
    now: () => Date.now(),
    steady: () => host.performance.now(),
    random: () => Math.random(),
  }
}
