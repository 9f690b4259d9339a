/** Replaces every replica, one by one, while clients are being served. */
import type { Scene } from '../core/scene.ts'
import { byHand, observe } from './begin.ts'
import { fewestReady, gained, isThere, ready, replicasAre, sockets } from './facts.ts'

const load = 240
const replicas = 3
/** With Compose, replacing a replica takes up to a minute, because the new replica must start and the old one must drain. */
const rolloutSeconds = 300

export const rollingUpdate: Scene = {
  name: 'rolling-update',
  title: 'every replica is replaced, and clients stay connected',
  needs: [],
  play: async (director) => {
    const old = ready(await byHand(director, replicas, load))
    const fewest = fewestReady()
    await director.say('{sockets} sockets on {replicas} replicas. Each replica is replaced: a new one starts before the old one ends.')
    const calm = await observe(director, load, replicas, 10)

    await director.chapter('The rollout')
    const over = await director.rollOut()
    const leftOf = (count: number) => fewest.seeing((seen) => old.filter((one) => isThere(one, seen)).length <= count)
    const first = await director.until('the first old replica has ended', leftOf(replicas - 1), rolloutSeconds)
    await director.say('The first replica is replaced after {took} s.', { took: first.took })
    const replaced = fewest.seeing((seen) => leftOf(0)(seen) && replicasAre(replicas)(seen) && sockets(seen) >= director.near(load))
    await director.until('all old replicas have ended, and the new replicas have the sockets', replaced, rolloutSeconds)
    await over()
    await director.until(`at least ${replicas} replicas were always ready`, () => fewest.number().value >= replicas, 0)
    await director.say('All replicas are new, and at least {fewest} were ready at any time. {sockets} sockets are open.', {
      fewest: fewest.number(),
    })
    const { readings: after } = await observe(director, load, replicas, 5)
    const [went, lost] = [gained('moves', calm.readings, after), gained('lost', calm.readings, after)]
    if (went !== null && lost !== null)
      await director.say('Sessions continued on another replica {went} times, and {lost} messages were lost.', { went, lost })
  },
}
