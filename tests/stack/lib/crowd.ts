/** Opens many clients of the client library at once, and records which replica each client is connected to and which events it receives. */
import { setTimeout as sleep } from 'node:timers/promises'
import { createClient } from '@lab/client/client.ts'
import { nodeEnvironment } from '@lab/client/node.ts'
import type { Client, ClientEvent } from '@lab/client/types.ts'
import { paths } from '@lab/contract/endpoints.ts'
import { until } from '@lab/host/until.ts'
import { type Stack, url } from './stack.ts'

export interface SocketGroup {
  /** The number of clients per replica. */
  at(): Map<string, number>
  /** The number of clients on the fullest replica, divided by the mean number of clients per replica. */
  spread(replicas: number): number
  /** The arrival times of all goodbye messages, in milliseconds on a monotonic clock. */
  goodbyes: number[]
  /** The number of sessions that were resumed on a new connection. */
  resumed: number
  /** Unwanted events: new sessions after a client's first one, gaps, errors and broken connections. */
  mishaps: string[]
  close(): void
}

/** Opens clients without cookies at a stack's entry point, as `openSocketGroupAt` does. */
export function openSocketGroup(stack: Stack, count: number): Promise<SocketGroup> {
  return openSocketGroupAt(url(stack, 'LAB_PORT'), count)
}

/**
 * Opens clients without cookies, 200 per second. Resolves once every client has a session; rejects after 60 s.
 * @param entry the lab's URL, such as http://localhost:8000
 */
export async function openSocketGroupAt(entry: string, count: number): Promise<SocketGroup> {
  const replicas = new Map<number, string>()
  const clients: Client[] = []
  const group: SocketGroup = {
    at: () => {
      const counts = new Map<string, number>()
      for (const replica of replicas.values()) counts.set(replica, (counts.get(replica) ?? 0) + 1)
      return counts
    },
    spread: (among) => Math.max(...group.at().values()) / (count / among),
    goodbyes: [],
    resumed: 0,
    mishaps: [],
    close: () => {
      for (const client of clients) client.close()
    },
  }

  function take(index: number, event: ClientEvent): void {
    switch (event.type) {
      case 'attached':
        if (event.how === 'resumed') group.resumed++
        else if (replicas.has(index)) group.mishaps.push(`client ${index}: fresh session, ${event.refused}`)
        replicas.set(index, event.replica)
        return
      case 'goodbye':
        group.goodbyes.push(performance.now())
        return
      case 'closed':
        if (event.why !== 'moved' && event.why !== 'left') group.mishaps.push(`client ${index}: ${event.why} ${event.code} ${event.reason}`)
        return
      case 'gap':
      case 'error':
        group.mishaps.push(`client ${index}: ${JSON.stringify(event)}`)
    }
  }

  const to = new URL(paths.ws, entry).href.replace('http', 'ws')
  for (let index = 0; index < count; index++) {
    clients.push(createClient({ url: to, onEvent: (event) => take(index, event) }, nodeEnvironment))
    if (index % 10 === 9) await sleep(50)
  }
  const all = () => {
    if (replicas.size === count) return true
    throw new Error(`${replicas.size} clients have a session; ${group.mishaps.slice(-3).join('; ')}`)
  }
  await until(`${count} sessions`, all, { withinMs: 60_000 })
  return group
}
