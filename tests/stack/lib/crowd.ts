/** Many clients of the lab's own library at once, and where they are. */
import { setTimeout as sleep } from 'node:timers/promises'
import { createClient } from '../../../client/src/client.ts'
import type { Client, ClientEvent } from '../../../client/src/types.ts'
import { paths } from '../../../contract/src/endpoints.ts'
import { nodeEnvironment } from '../../../prove/node-environment.ts'
import { type Stack, url } from './stack.ts'
import { until } from './until.ts'

export interface Crowd {
  /** Clients by the replica that their session is at. */
  at(): Map<string, number>
  /** Most clients at one replica, by the mean over so many replicas. */
  spread(replicas: number): number
  /** When each goodbye arrived, steady milliseconds. */
  goodbyes: number[]
  /** Sessions taken over by another connection. */
  resumed: number
  /** What a client should not have to tell: fresh sessions after the first, gaps, errors, connections that were cut off. */
  mishaps: string[]
  close(): void
}

/** Opens so many clients, 200 a second, without cookies; resolves when each has its session. */
export async function openCrowd(stack: Stack, count: number): Promise<Crowd> {
  const replicas = new Map<number, string>()
  const clients: Client[] = []
  const crowd: Crowd = {
    at: () => {
      const counts = new Map<string, number>()
      for (const replica of replicas.values()) counts.set(replica, (counts.get(replica) ?? 0) + 1)
      return counts
    },
    spread: (among) => Math.max(...crowd.at().values()) / (count / among),
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
        if (event.how === 'resumed') crowd.resumed++
        else if (replicas.has(index)) crowd.mishaps.push(`client ${index}: fresh session, ${event.refused}`)
        replicas.set(index, event.replica)
        return
      case 'goodbye':
        crowd.goodbyes.push(performance.now())
        return
      case 'closed':
        if (event.why !== 'moved' && event.why !== 'left') crowd.mishaps.push(`client ${index}: ${event.why} ${event.code} ${event.reason}`)
        return
      case 'gap':
      case 'error':
        crowd.mishaps.push(`client ${index}: ${JSON.stringify(event)}`)
    }
  }

  const to = url(stack, 'LAB_PORT', paths.ws).replace('http', 'ws')
  for (let index = 0; index < count; index++) {
    clients.push(createClient({ url: to, onEvent: (event) => take(index, event) }, nodeEnvironment))
    if (index % 10 === 9) await sleep(50)
  }
  const all = () => {
    if (replicas.size === count) return true
    throw new Error(`${replicas.size} have one; ${crowd.mishaps.slice(-3).join('; ')}`)
  }
  await until(`${count} sessions`, all, 60_000)
  return crowd
}
