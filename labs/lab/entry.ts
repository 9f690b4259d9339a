/** Sends requests to the entry point of either kind of lab, as a client would. */
import { paths, replicaHeader, stickyCookie } from '@lab/contract/endpoints.ts'
import { pause } from '@lab/host/until.ts'
import type { Checked, Replica } from './lab.ts'

/** Time limit for a single request. Milliseconds. */
export const answerWithinMs = 4_000
const tries = 3

/** Returns a lab's WebSocket address, for example ws://127.0.0.1:8000/ws. */
export function socketAddress({ entry }: { readonly entry: string }): string {
  return entry.replace(/^http/, 'ws') + paths.ws
}

/** Sends a request to the lab's entry point as a new client would: without keep-alive and without a cookie. */
export function askEntry(entry: string, path: string = paths.health, headers: Record<string, string> = {}): Promise<Response> {
  return fetch(new URL(path, entry), { signal: AbortSignal.timeout(answerWithinMs), headers: { connection: 'close', ...headers } })
}

/** Returns whether the lab's entry point responds to at least one of three requests. */
export async function checkEntry(entry: string): Promise<Checked> {
  let seen = ''
  for (let i = 0; i < tries; i++) {
    const problem = await problemAt(entry)
    if (problem === undefined) return { holds: true, seen: 'it answers' }
    seen = problem
  }
  return { holds: false, seen: `${tries} requests, the last: ${seen}` }
}

/** Checks whether exactly the given number of replicas exists and all of them are healthy. */
export function checkReplicas(replicas: readonly Replica[], count: number): Checked {
  const healthy = replicas.filter((replica) => replica.healthy).length
  return { holds: healthy === count && replicas.length === count, seen: `${healthy} of ${replicas.length} replicas are healthy` }
}

/**
 * Waits until a replica responds to requests through Traefik, which detects healthy replicas slightly later than Docker does.
 * @returns undefined as soon as a replica responds, or a one-line description of the last problem if none responds within the time limit
 */
export async function waitForEntry(entry: string, withinMs: number): Promise<string | undefined> {
  const deadline = performance.now() + withinMs
  for (;;) {
    const problem = await problemAt(entry)
    if (problem === undefined || performance.now() > deadline) return problem
    await pause(250)
  }
}

async function problemAt(entry: string): Promise<string | undefined> {
  try {
    const answer = await askEntry(entry)
    await answer.body?.cancel()
    return answer.ok ? undefined : `HTTP ${answer.status}`
  } catch (error) {
    const { message, cause } = error as Error
    // If a host name has several addresses, the `cause` of a connection error has a code but no message.
    const { code } = (cause ?? {}) as { code?: string }
    return (cause instanceof Error && cause.message) || code || message
  }
}

/**
 * Returns the health status of each replica to which the router sends requests, by replica name. A replica that does not respond is absent
 * from the result, so callers must check for missing replicas.
 * @param replicas the number of replicas
 */
export async function healthByReplica(entry: string, replicas: number): Promise<Map<string, string>> {
  const found = new Map<string, string>()
  const one = async () => {
    const answer = await askEntry(entry)
    const replica = answer.headers.get(replicaHeader)
    const { status = 'unknown' } = (await answer.json()) as { status?: string }
    if (replica !== null) found.set(replica, status)
  }
  // With round-robin routing, one request per replica would be enough to reach every replica; the factor of 4 allows for requests from
  // other clients.
  await Promise.allSettled(Array.from({ length: replicas * 4 }, one))
  return found
}

/** Finds a replica's sticky cookie by sending requests until that replica responds to one. Rejects after 60 requests. */
export async function cookieOf(entry: string, replica: string): Promise<string> {
  for (let left = 60; left > 0; left--) {
    const answer = await askEntry(entry)
    await answer.body?.cancel()
    const cookie = answer.headers.getSetCookie().find((line) => line.startsWith(`${stickyCookie}=`))
    if (answer.headers.get(replicaHeader) === replica && cookie !== undefined) return cookie.split(';')[0] ?? ''
  }
  throw new Error(`${replica} did not answer within 60 requests at ${entry}`)
}
