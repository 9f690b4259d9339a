/** A replica is gone without a word: its clients come back elsewhere, and another one takes its place. */
import type { Scene } from '../core/scene.ts'
import type { Readings } from '../core/stage.ts'
import { atRest, lookOn, startSeconds, underLoad } from './begin.ts'
import { between, goneAndMoved, isThere, ready, replicasAsWanted } from './facts.ts'

/** In shares of what a replica shall have: enough for three, and too much for two. */
const share = 2.7
const enough = 3

export const crash: Scene = {
  name: 'crash',
  title: 'a replica dies',
  surfaces: ['embedded', 'compose'],
  needs: [],
  play: async (director) => {
    const { scaler } = await atRest(director)
    const load = Math.round((scaler?.target ?? 100) * share)
    await director.chapter('Under load')
    await underLoad(director, load)
    if (scaler === null) await director.replicas(enough)
    const grown = await director.until(`${enough} replicas are ready`, replicasAsWanted(enough), director.scaled(120) + startSeconds)
    await director.say('{sockets} sockets on {replicas} replicas.')
    const calm = await lookOn(director, load, enough, 15)

    await director.chapter('One dies')
    // The one that has most: those that came last have hardly any.
    const victim = [...ready(grown.readings)].sort((a, b) => b.sockets - a.sockets)[0] ?? director.pick(ready(grown.readings))
    const back = await director.fault('kill', victim.id, `${victim.id} is killed`)
    await director.until(`${victim.id} is gone`, (now) => !isThere(victim, { ...now, replicas: ready(now) }), 30)
    await director.still('failure')
    await director.say('No goodbye: {replicas} replicas are left. Its clients notice by themselves, and dial again.')
    const moved = await director.until('its sockets are open elsewhere', goneAndMoved(victim, director.near(load)), 60)
    const took = between(calm, moved)
    await director.say('{took} s after the crash {sockets} sockets are open again.', { took })

    await director.chapter('Another one takes its place')
    if (scaler === null) await back()
    const whole = (now: Readings) => replicasAsWanted(enough)(now) && !isThere(victim, now)
    const healed = await director.until(`${enough} replicas are ready again`, whole, director.scaled(120) + startSeconds)
    await director.still('recovery')
    await director.say('{replicas} replicas again, {took} s after the crash.', { took: between(calm, healed) })
    const { lost, reconnects } = await director.now()
    if (reconnects !== null) await director.say('Clients dialled again {reconnects} times.')
    if (lost !== null) await director.say('Sessions that went on: {moves}. Messages missing: {lost}.')
    await lookOn(director, load, enough, 20)
    await director.note('from crash to all sockets open', took)
  },
}
