/** Kills a replica: its clients reconnect to other replicas, and a new replica replaces it. */

import type { Readings } from '@lab/lab/lab.ts'
import type { Scene } from '../core/scene.ts'
import { atRest, observe, startSeconds, underLoad } from './begin.ts'
import { between, gained, goneAndMoved, isThere, ready, replicasAsWanted } from './facts.ts'

/** The load as a multiple of the scaler's target for one replica, chosen so that three replicas can carry it but two cannot. */
const share = 2.7
const enough = 3

export const crash: Scene = {
  name: 'crash',
  title: 'a replica crashes',
  needs: [],
  play: async (director) => {
    const { scaler } = await atRest(director)
    const load = Math.round((scaler?.target ?? 100) * share)
    await director.chapter('Under load')
    await underLoad(director, load)
    if (scaler === null) await director.replicas(enough)
    await director.until(`${enough} replicas are ready`, replicasAsWanted(enough), director.scaled(120) + startSeconds)
    await director.say('{sockets} sockets on {replicas} replicas.')
    const calm = await observe(director, load, enough, 15)

    await director.chapter('A replica crashes')
    // The scene selects the replica with the most sockets, because a new replica has hardly any.
    const victim = [...ready(calm.readings)].sort((a, b) => b.sockets - a.sockets)[0] ?? director.pick(ready(calm.readings))
    const undo = await director.fault('kill', victim.id, `${victim.id} is killed`)
    await director.until(`${victim.id} is gone`, (now) => !isThere(victim, { ...now, replicas: ready(now) }), 30)
    await director.say('No close frame was sent. {replicas} replicas remain, and the clients reconnect on their own.')
    const back = await director.until('its sockets are open on other replicas', goneAndMoved(victim, director.near(load)), 60)
    const took = between(calm, back)
    await director.say('{took} s after the crash, {sockets} sockets are open again.', { took })

    await director.chapter('A new replica starts')
    if (scaler === null) await undo()
    const whole = (now: Readings) => replicasAsWanted(enough)(now) && !isThere(victim, now)
    const healed = await director.until(`${enough} replicas are ready again`, whole, director.scaled(120) + startSeconds)
    await director.say('{replicas} replicas are ready again, {took} s after the crash.', { took: between(calm, healed) })
    // The scene waits a moment, because the lab reads the clients' counters slightly later than the replicas' counters.
    const { readings: after } = await observe(director, load, enough, 3)
    const dials = gained('reconnects', calm.readings, after)
    if (dials !== null) await director.say('Since the crash, clients have reconnected {dials} times.', { dials })
    const [moved, lost] = [gained('moves', calm.readings, after), gained('lost', calm.readings, after)]
    if (moved !== null && lost !== null) await director.say('Sessions resumed: {moved}. Messages lost: {lost}.', { moved, lost })
    await observe(director, load, enough, 15)
    await director.note('from the crash until all sockets are open', took)
  },
}
