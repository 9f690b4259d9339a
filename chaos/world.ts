/** What a run needs of the lab, wherever it runs. */
import type { Look, Scene, Step } from './core/types.ts'

/** What one look saw. */
export interface Sight {
  held: boolean
  seen: string
}

export interface World {
  /** What there is before the fault. Rejects with one line for a person when it cannot be done to. */
  scene(replica: string | undefined, seconds: number): Promise<Scene>
  /** Rejects when it could not be looked at. */
  look(look: Look): Promise<Sight>
  take(step: Step): Promise<void>
  /** ws:// of the entry. */
  entry(): string
}

/** Bound on one request. Milliseconds. */
export const askWithinMs = 4_000

/** Asks the entry for a page as a new client would, up to three times. */
export async function lookAtEntry(url: string): Promise<Sight> {
  const tries = 3
  let seen = ''
  for (let i = 0; i < tries; i++) {
    try {
      const response = await fetch(url, { signal: AbortSignal.timeout(askWithinMs), headers: { connection: 'close' } })
      await response.body?.cancel()
      if (response.ok) return { held: true, seen: 'it answers' }
      seen = `status ${response.status}`
    } catch (error) {
      seen = String(error)
    }
  }
  return { held: false, seen: `${tries} requests, the last: ${seen}` }
}
