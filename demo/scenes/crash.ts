/** A replica is gone without a word: its clients come back elsewhere, and another one takes its place. */
import type { Scene } from '../core/scene.ts'
import type { Readings } from '../core/stage.ts'
import { atRest, lookOn, startSeconds, underLoad } from './begin.ts'
import { between, gained, goneAndMoved, isThere, ready, replicasAsWanted } from './facts.ts'

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
    await director.until(`${enough} replicas are ready`, replicasAsWanted(enough), director.scaled(120) + startSeconds)
    await director.say('{sockets} sockets on {replicas} replicas.')
    const calm = await lookOn(director, load, enough, 15)

    await director.chapter('One dies')
    // The one that has most: those that came last have hardly any.
    const victim = [...ready(calm.readings)].sort((a, b) => b.sockets - a.sockets)[0] ?? director.pick(ready(calm.readings))
    const undo = await director.fault('kill', victim.id, `${victim.id} is killed`)
    await director.until(`${victim.id} is gone`, (now) => !isThere(victim, { ...now, replicas: ready(now) }), 30)
    await director.still('failure')
    await director.say('No goodbye: {replicas} replicas are left. Its clients notice by themselves, and dial again.')
    const back = await director.until('its sockets are open elsewhere', goneAndMoved(victim, director.near(load)), 60)
    const took = between(calm, back)
    await director.say('{took} s after the crash {sockets} sockets are open again.', { took })

    await director.chapter('Another one takes its place')
    if (scaler === null) await undo()
    const whole = (now: Readings) => replicasAsWanted(enough)(now) && !isThere(victim, now)
    const healed = await director.until(`${enough} replicas are ready again`, whole, director.scaled(120) + startSeconds)
    await director.still('recovery')
    await director.say('{replicas} replicas again, {took} s after the crash.', { took: between(calm, healed) })
    // Clients tell a moment later than replicas.
    const { readings: after } = await lookOn(director, load, enough, 3)
    const dials = gained('reconnects', calm.readings, after)
    if (dials !== null) await director.say('Since the crash clients dialled again {dials} times.', { dials })
    const [moved, lost] = [gained('moves', calm.readings, after), gained('lost', calm.readings, after)]
    if (moved !== null && lost !== null) await director.say('Sessions that went on: {moved}. Messages missing: {lost}.', { moved, lost })
    await lookOn(director, load, enough, 15)
    await director.note('from crash to all sockets open', took)
  },
}
