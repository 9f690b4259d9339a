/**
 * Defines the interfaces of the clock, the timers and the logger. The interfaces of sockets (connection.ts), the room log and the session
 * store are defined in other files.
 */

export interface Clock {
  /** Returns the wall-clock time, in milliseconds since 1970. */
  now(): number
  /** Returns the time of a monotonic clock, in milliseconds since an arbitrary starting point. */
  steady(): number
}

/** Timers. Each method except `soon` returns a function that cancels the scheduled call. */
export interface Timers {
  after(ms: number, then: () => void): () => void
  every(ms: number, then: () => void): () => void
  /** Runs a function after the current turn of the event loop, and therefore after all pending promise callbacks. */
  soon(then: () => void): void
}

export const standardTimers: Timers = {
  after: (ms, then) => {
    const timer = setTimeout(then, ms)
    return () => clearTimeout(timer)
  },
  every: (ms, then) => {
    const timer = setInterval(then, ms)
    return () => clearInterval(timer)
  },
  soon: (then) => void setImmediate(then),
}

/** The part of a logger that the service uses. */
export interface Log {
  info(fields: object, text: string): void
  error(fields: object, text: string): void
}
