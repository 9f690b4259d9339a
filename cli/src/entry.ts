/** Whether the lab can be met at its entry. Traefik hears of healthy replicas a moment after Docker does. */
import { setTimeout as sleep } from 'node:timers/promises'
import { paths } from '@lab/contract/endpoints.ts'

const answerWithinMs = 3_000
const everyMs = 250

/**
 * Waits until a replica answers through the entry.
 * @param entry its URL, as in http://localhost:8000
 * @returns undefined once one does; after `withinMs`, what was there instead, in one line
 */
export async function waitForEntry(entry: string, withinMs: number): Promise<string | undefined> {
  const until = performance.now() + withinMs
  for (;;) {
    const instead = await ask(entry)
    if (instead === undefined || performance.now() > until) return instead
    await sleep(everyMs)
  }
}

async function ask(entry: string): Promise<string | undefined> {
  try {
    const { ok, status } = await fetch(new URL(paths.health, entry), { signal: AbortSignal.timeout(answerWithinMs) })
    return ok ? undefined : `HTTP ${status}`
  } catch (error) {
    const { message, cause } = error as Error
    // Where a name has several addresses, the cause has no message of its own.
    const { code } = (cause ?? {}) as { code?: string }
    return (cause instanceof Error && cause.message) || code || message
  }
}
