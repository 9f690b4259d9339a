/** What replicas share is away for a while: sockets stay, and what was said in rooms is kept until it is back. */
import type { Scene } from '../core/scene.ts'
import { atRest, lookOn, underLoad } from './begin.ts'
import { gained, ready, socketsOpen } from './facts.ts'

const load = 120
const awaySeconds = 20

export const valkeyOutage: Scene = {
  name: 'valkey-outage',
  title: 'replicas lose what they share',
  surfaces: ['embedded', 'compose'],
  needs: ['store'],
  play: async (director) => {
    const { length: replicas } = ready(await atRest(director))
    await director.chapter('Under load')
    await underLoad(director, load)
    await director.until('Valkey answers the replicas', ({ storeUp }) => storeUp === true, 30)
    await director.say('{sockets} sockets on {replicas} replicas, which share rooms and sessions through Valkey.')
    const calm = await lookOn(director, load, replicas, 10)

    await director.chapter('Valkey is away')
    const back = await director.storeAway()
    const noticed = await director.until('the replicas notice', ({ storeUp }) => storeUp === false, 60)
    await director.still('failure')
    await director.say('Noticed after {took} s. Every socket stays open, and each replica works on alone.', { took: noticed.took })
    const hold = socketsOpen(director.near(load))
    await director.throughout('no socket is lost', (now) => hold(now) && ready(now).length === replicas, awaySeconds)
    await director.say('{sockets} sockets on {replicas} replicas, while Valkey is away.')

    await director.chapter('It is back')
    await back()
    const healed = await director.until('Valkey answers the replicas again', ({ storeUp }) => storeUp === true, 60)
    await director.still('recovery')
    await director.say('Connected again after {took} s. What was said in rooms meanwhile is stored now.', { took: healed.took })
    const lost = gained('lost', calm.readings, await director.now())
    if (lost !== null) await director.say('{lost} room messages are missing.', { lost })
    await lookOn(director, load, replicas, 15)
    await director.say('{sockets} sockets are open, as before.')
  },
}
