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
