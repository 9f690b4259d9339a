/** A few clients that talk in a room while a fault is judged: what nobody uses cannot be seen to break. */
import { createClient } from '../client/src/client.ts'
import { paths } from '../contract/src/endpoints.ts'
import { nodeEnvironment } from '../prove/node-environment.ts'

const clients = 6
const everyMs = 500
const room = 'chaos'

/** Opens the clients. Returns how to end it. @param entry as in ws://localhost:8000 */
export function startTalk(entry: string): () => void {
  const all = Array.from({ length: clients }, () =>
    createClient({ url: entry + paths.ws, rooms: [room], onEvent: () => undefined }, nodeEnvironment),
  )
  let turn = 0
  const timer = setInterval(() => {
    const client = all[turn++ % all.length]
    if (client?.state.word === 'open' && client.stats.unanswered < 20) client.broadcast(room, 'is anybody there?')
  }, everyMs)
  return () => {
    clearInterval(timer)
    for (const client of all) client.close()
  }
}
