/** Deploys a bad version to the other colour: the lab rolls the deploy back, and no socket is closed. */
import type { Readings } from '@lab/lab/lab.ts'
import type { Scene } from '../core/scene.ts'
import { byHand, observe, served, startSeconds } from './begin.ts'
import { fewestReady, gained, isThere, ready, replicasAre } from './facts.ts'

const load = 240
const replicas = 3
/** Time limit for a deploy that is rolled back; with Compose, it includes Traefik's reaction to two route changes. */
const deploySeconds = 180

export const blueGreen: Scene = {
  name: 'blue-green',
  title: 'a bad version of the other colour is rolled back',
  needs: [],
  play: async (director) => {
    await byHand(director, replicas, load)
    const calm = await observe(director, load, replicas, 10)
    const old = ready(calm.readings)
    await director.say('{sockets} sockets on {replicas} replicas of one colour. A deploy starts as many replicas of the other colour.')
    await director.say('New sockets go to the other colour only after all of its replicas have passed their checks.')

    await director.chapter('A bad version')
    const fewest = fewestReady()
    const unchanged = (now: Readings) => old.every((one) => isThere(one, now)) && served(director, load, replicas)(now)
    const back = await director.deployFailing('the old replicas keep their sockets', fewest.seeing(unchanged), deploySeconds)
    await director.say('The replicas of the bad version exit. After {took} s, the deploy is rolled back.', { took: back.took })

    await director.chapter('After the rollback')
    const asBefore = (now: Readings) => replicasAre(replicas)(now) && unchanged(now)
    await director.until('there are the old replicas only', fewest.seeing(asBefore), startSeconds)
    await director.say('At least {fewest} were ready at any time, and {sockets} sockets are open.', { fewest: fewest.number() })
    const { readings: after } = await observe(director, load, replicas, 5)
    // With Compose, the clients' counters are unknown, because k6 itself closes and opens sockets.
    const [dials, lost] = [gained('reconnects', calm.readings, after), gained('lost', calm.readings, after)]
    if (dials === null || lost === null) return
    await director.until('no client had to reconnect', () => dials.value === 0, 0)
    await director.say('Clients reconnected {dials} times, and {lost} messages were lost.', { dials, lost })
  },
}
