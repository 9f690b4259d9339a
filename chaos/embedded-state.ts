/** What an embedded lab says of itself on the API of its live page. Everybody reads the part that he needs. */
import type { z } from 'zod'

/** Bound on one request. Milliseconds. */
const askWithinMs = 4_000

/**
 * @param page where the live page is, as in http://localhost:3000
 * @param shape of the part that is wanted
 * @returns that part. Rejects with one line when no embedded lab answers there.
 */
export async function readEmbeddedState<T>(page: string, shape: z.ZodType<T>): Promise<T> {
  const problem = (why: unknown) =>
    new Error(`no embedded lab at ${page} (${String(why)}); start it with npm start, or give the address of its live page`)
  const response = await fetch(new URL('/api/state', page), { signal: AbortSignal.timeout(askWithinMs) }).catch((error: Error) => {
    throw problem(error.cause ?? error.message)
  })
  const body: unknown = await response.json().catch((error: Error) => {
    throw problem(`HTTP ${response.status}, ${error.message}`)
  })
  const read = shape.safeParse(body)
  if (read.success) return read.data
  const [issue] = read.error.issues
  throw problem(`${issue?.path.join('.')}: ${issue?.message}`)
}
