/** A test clock whose time advances with each call of sleep(). */
import type { Clock } from '../ports.ts'

export interface FakeClock extends Clock {
  advance(seconds: number): void
  /** The duration of each call of sleep(), in seconds. */
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
