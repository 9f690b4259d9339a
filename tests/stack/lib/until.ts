import { setTimeout as sleep } from 'node:timers/promises'

/**
 * Waits for a fact.
 * @param what the fact in words, for the error
 * @param probe gives something other than undefined or false once the fact holds; may throw meanwhile
 * @param withinMs generous bound; after it the promise rejects and says what was last seen
 */
export async function until<T>(
  what: string,
  probe: () => Promise<T | undefined | false> | T | undefined | false,
  withinMs: number,
  everyMs = 200,
): Promise<T> {
  const deadline = performance.now() + withinMs
  let last: unknown
  for (;;) {
    try {
      const found = await probe()
      if (found !== undefined && found !== false) return found
      last = found
    } catch (error) {
      last = error
    }
    if (performance.now() >= deadline) throw new Error(`${what}: not within ${withinMs} ms. Last: ${String(last)}`)
    await sleep(everyMs)
  }
}
