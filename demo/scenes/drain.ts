/** A replica leaves in order, and its sockets go on elsewhere. */
import type { Scene } from '../core/scene.ts'
import { byHand, lookOn, startSeconds } from './begin.ts'
import { between, gained, goneAndMoved, isThere, ready, replicasAre } from './facts.ts'

const load = 240
const replicas = 3

export const drain: Scene = {
  name: 'drain',
  title: 'a replica takes its leave',
  surfaces: ['embedded', 'compose'],
  needs: [],
  play: async (director) => {
    const now = await byHand(director, replicas, load)
    await director.say('{sockets} sockets on {replicas} replicas, {fullest} on the fullest.')
    const calm = await lookOn(director, load, replicas, 15)

    await director.chapter('One is asked to leave')
    const leaver = director.pick(ready(now))
    const back = await director.fault('drain', leaver.id, `${leaver.id} is asked to leave`)
    const isLeaving = director.until(`${leaver.id} takes no new socket`, (seen) => !ready(seen).some(({ id }) => id === leaver.id), 30)
    await isLeaving
    await director.still('draining')
    await director.say('It says goodbye to each socket, a few at a time. {replicas} replicas take them in.')
    const moved = await director.until(`${leaver.id} is gone and its sockets are elsewhere`, goneAndMoved(leaver, director.near(load)), 60)
    const took = between(calm, moved)
    await director.say('{took} s after it was asked, {sockets} sockets are open on {replicas} replicas.', { took })
    await director.note('from asking to all moved', took)
    // Clients tell a moment later than replicas: after a while all have told.
    const { readings: after } = await lookOn(director, load, replicas - 1, 15)
    const [went, lost] = [gained('moves', calm.readings, after), gained('lost', calm.readings, after)]
    if (went !== null && lost !== null)
      await director.say('{went} sessions went on elsewhere, and {lost} messages are missing.', { went, lost })

    await director.chapter('Another one comes')
    await back()
    await director.until(
      `${replicas} replicas are ready again`,
      (seen) => replicasAre(replicas)(seen) && !isThere(leaver, seen),
      startSeconds,
    )
    await director.say('{replicas} replicas again. The newcomer begins with {emptiest} sockets; new ones go there as well.')
    await lookOn(director, load, replicas, 15)
  },
}
