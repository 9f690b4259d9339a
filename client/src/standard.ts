/** Implements the environment of the WebSocket client with the sockets, timers and clocks of a browser, or of Node 22 and later. */
import type { Environment, Socket } from './types.ts'

/**
 * The global functions and classes that browsers and Node have in common. The type definitions of browsers are not available in builds
 * for Node or k6, and those of Node are not available in builds for browsers.
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
