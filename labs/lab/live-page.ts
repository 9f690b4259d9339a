/** Requests to the API of a live page, which both the embedded lab and the Compose lab have. */
import { type EmbeddedOrder, embeddedPaths } from '@lab/contract/embedded-api.ts'
import { LabError } from '@lab/host/lab-error.ts'
import type { z } from 'zod'
import { answerWithinMs } from './entry.ts'

/**
 * Returns the live page's state.
 * @param problem builds the error for a page that does not answer, or whose answer does not have the given form
 */
export async function readPage<T>(page: string, schema: z.ZodType<T>, problem: (why: unknown) => Error): Promise<T> {
  const response = await fetch(new URL(embeddedPaths.state, page), { signal: AbortSignal.timeout(answerWithinMs) }).catch(
    (error: Error) => {
      throw problem(error.cause ?? error.message)
    },
  )
  const body: unknown = await response.json().catch((error: Error) => {
    throw problem(`HTTP ${response.status}, ${error.message}`)
  })
  const read = schema.safeParse(body)
  if (read.success) return read.data
  const [issue] = read.error.issues
  throw problem(`${issue?.path.join('.')}: ${issue?.message}`)
}

/** Sends a command to the live page's server. @throws LabError if the server refuses it */
export async function sendOrder(page: string, order: EmbeddedOrder, body: object): Promise<void> {
  const response = await fetch(new URL(embeddedPaths[order], page), {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
    signal: AbortSignal.timeout(answerWithinMs),
  })
  if (!response.ok) throw new LabError(`${embeddedPaths[order]}: ${response.status} ${(await response.text()).slice(0, 200)}`)
}
