/** Runs clients that send room messages while a fault's effects are checked, because some effects are visible only with traffic. */
import { createClient } from '@lab/client/client.ts'
import { nodeEnvironment } from '@lab/client/node.ts'
import { paths } from '@lab/contract/endpoints.ts'

const clients = 6
const everyMs = 500
const room = 'chaos'
/** A client with this many unacknowledged messages stops sending until replies arrive. */
const maxUnanswered = 20

/**
 * Opens the clients, and returns a function that closes them again.
 * @param entry address of the lab's entry point, for example http://localhost:8000
 */
export function startBackgroundClients(entry: string): () => void {
  const url = entry.replace(/^http/, 'ws') + paths.ws
  const all = Array.from({ length: clients }, () => createClient({ url, rooms: [room], onEvent: () => undefined }, nodeEnvironment))
  let turn = 0
  const timer = setInterval(() => {
    const client = all[turn++ % all.length]
    if (client?.state.word === 'open' && client.stats.unanswered < maxUnanswered) client.broadcast(room, 'a message under a fault')
  }, everyMs)
  return () => {
    clearInterval(timer)
    for (const client of all) client.close()
  }
}
