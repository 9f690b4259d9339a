/** A clock that moves when somebody sleeps. For tests. */
import type { Clock } from '../ports.ts'

export interface FakeClock extends Clock {
  advance(seconds: number): void
  /** How long each sleep was. */
  readonly slept: number[]
}

export function fakeClock(startSeconds: number): FakeClock {
  let now = startSeconds
  const slept: number[] = []
  return {
    slept,
    nowSeconds: () => now,
    advance: (seconds) => {
      now += seconds
    },
    sleep: async (seconds, signal) => {
      if (signal.aborted) return
      slept.push(seconds)
      now += seconds
    },
  }
}
