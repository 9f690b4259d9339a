/** Drains a replica, so that its sockets move to the other replicas. */
import type { Scene } from '../core/scene.ts'
import { byHand, observe, startSeconds } from './begin.ts'
import { between, gained, goneAndMoved, isThere, ready, replicasAre } from './facts.ts'

const load = 240
const replicas = 3

export const drain: Scene = {
  name: 'drain',
  title: 'a replica drains',
  needs: [],
  play: async (director) => {
    const now = await byHand(director, replicas, load)
    await director.say('{sockets} sockets on {replicas} replicas, {fullest} on the fullest.')
    const calm = await observe(director, load, replicas, 15)

    await director.chapter('A replica drains')
    const leaver = director.pick(ready(now))
    const back = await director.fault('drain', leaver.id, `${leaver.id} is asked to drain`)
    const isLeaving = director.until(`${leaver.id} accepts no new sockets`, (seen) => !ready(seen).some(({ id }) => id === leaver.id), 30)
    await isLeaving
    await director.say('It asks its clients to reconnect, a few at a time. {replicas} replicas accept them.')
    const moved = await director.until(`${leaver.id} has ended and its sockets have moved`, goneAndMoved(leaver, director.near(load)), 60)
    const took = between(calm, moved)
    await director.say('{took} s after the drain began, {sockets} sockets are open on {replicas} replicas.', { took })
    await director.note('from the drain until all sockets have moved', took)
    // The clients' counters lag behind the replicas' counters, so the scene observes the lab for a while before it compares them.
    const { readings: after } = await observe(director, load, replicas - 1, 15)
    const [went, lost] = [gained('moves', calm.readings, after), gained('lost', calm.readings, after)]
    if (went !== null && lost !== null)
      await director.say('{went} sessions continued on other replicas, and {lost} messages were lost.', { went, lost })

    await director.chapter('A new replica starts')
    await back()
    await director.until(
      `${replicas} replicas are ready again`,
      (seen) => replicasAre(replicas)(seen) && !isThere(leaver, seen),
      startSeconds,
    )
    await director.say('{replicas} replicas are ready again. The new one has {emptiest} sockets and takes its share of new ones.')
    await observe(director, load, replicas, 15)
  },
}
