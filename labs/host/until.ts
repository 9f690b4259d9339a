/** Waits for a condition within a time limit. Tools and tests use this module whenever they have to wait for a condition. */
import { setTimeout as sleep } from 'node:timers/promises'

export interface Waiting {
  /** Time limit after which the wait fails. Milliseconds. */
  withinMs: number
  /** Interval between two calls of `probe`. Milliseconds. */
  everyMs?: number
  /** Signal that aborts the wait; the returned promise then rejects with the signal's abort reason. */
  stop?: AbortSignal
}

/**
 * Waits for a condition.
 * @param what description of the condition, for the error message
 * @param probe returns undefined or false until the condition holds; may throw in the meantime
 * @returns the value that the probe returned; rejects after the time limit with the probe's last error
 */
export async function until<T>(
  what: string,
  probe: () => Promise<T | undefined | false> | T | undefined | false,
  { withinMs, everyMs = 200, stop }: Waiting,
): Promise<T> {
  const deadline = performance.now() + withinMs
  for (;;) {
    stop?.throwIfAborted()
    let last: unknown
    try {
      const found = await probe()
      if (found !== undefined && found !== false) return found
      last = 'the condition does not hold'
    } catch (error) {
      last = error instanceof Error ? error.message : error
    }
    if (performance.now() >= deadline) throw new Error(`${what}: not within ${withinMs / 1000} s (last: ${String(last)})`)
    await pause(everyMs, stop)
  }
}

/**
 * Waits for the given number of milliseconds or until the signal aborts. An abort does not reject the promise, so the caller must check the
 * signal.
 */
export async function pause(ms: number, stop?: AbortSignal): Promise<void> {
  await sleep(ms, undefined, stop && { signal: stop }).catch((error: Error) => {
    if (error.name !== 'AbortError') throw error
  })
}

/** Returns how long an action took, in milliseconds. */
export async function timed(act: () => Promise<unknown>): Promise<number> {
  const startedAtMs = performance.now()
  await act()
  return performance.now() - startedAtMs
}
