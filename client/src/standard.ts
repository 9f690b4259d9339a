/** Sockets, timers and clocks of a browser, or of Node 22 and later. */
import type { Environment, Socket } from './types.ts'

/** What both have; neither's types are at hand for the other, nor for k6. */
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
