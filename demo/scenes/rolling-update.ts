/** Every replica is replaced, one by one, while clients are served. */
import type { Scene } from '../core/scene.ts'
import { byHand, lookOn, startSeconds } from './begin.ts'
import { fewestReady, gained, goneAndMoved, isThere, ready } from './facts.ts'

const load = 240
const replicas = 3

export const rollingUpdate: Scene = {
  name: 'rolling-update',
  title: 'every replica is replaced, and nobody waits',
  surfaces: ['embedded', 'compose'],
  needs: [],
  play: async (director) => {
    const now = await byHand(director, replicas, load)
    const old = ready(now)
    const fewest = fewestReady()
    await director.say('{sockets} sockets on {replicas} replicas. Each of them is to be replaced: first one more, then one less.')
    const calm = await lookOn(director, load, replicas, 10)
    for (const replica of old) {
      await director.chapter(`${replica.id} is replaced`)
      await director.replicas(replicas + 1)
      const oneMore = fewest.seeing((seen) => ready(seen).length > replicas)
      await director.until(`${replicas + 1} replicas are ready`, oneMore, startSeconds)
      await director.retire(replica.id)
      const moved = fewest.seeing((seen) => goneAndMoved(replica, director.near(load))(seen) && ready(seen).length === replicas)
      const { took } = await director.until(`${replica.id} is gone and its sockets are elsewhere`, moved, 90)
      await director.say('It left in {took} s. {sockets} sockets on {replicas} replicas.', { took })
      await lookOn(director, load, replicas, 5)
    }
    await director.chapter('All new')
    await director.until('none of the old ones is there', (seen) => !old.some((one) => isThere(one, seen)), 10)
    await director.until(`never fewer than ${replicas} were ready`, () => fewest.number().value >= replicas, 0)
    await director.say('All are new, and {fewest} were ready at any time. {sockets} sockets are open.', { fewest: fewest.number() })
    const after = await director.now()
    const [went, lost] = [gained('moves', calm.readings, after), gained('lost', calm.readings, after)]
    if (went !== null && lost !== null)
      await director.say('{went} times a session went on elsewhere, and {lost} messages are missing.', { went, lost })
  },
}
