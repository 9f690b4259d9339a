/** Implements the Clock port with the system time and real timers. */
import { setTimeout as sleep } from 'node:timers/promises'
import type { Clock } from '../ports.ts'

export const systemClock: Clock = {
  nowSeconds: () => (performance.timeOrigin + performance.now()) / 1000,
  sleep: async (seconds, signal) => {
    await sleep(seconds * 1000, undefined, { signal }).catch((error: unknown) => {
      if (!signal.aborted) throw error
    })
  },
}

/**
 * A clock that follows the machine's time. Several processes compare these times, so a clock that stands still while the machine sleeps
 * would not do.
 */
export const wallClock: Clock = { nowSeconds: () => Date.now() / 1000, sleep: systemClock.sleep }
