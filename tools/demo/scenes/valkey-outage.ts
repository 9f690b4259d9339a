/** Stops Valkey for a while: sockets stay open, and room messages are stored once Valkey has restarted. */
import type { Scene } from '../core/scene.ts'
import { atRest, observe, underLoad } from './begin.ts'
import { gained, ready, socketsOpen } from './facts.ts'

const load = 120
const awaySeconds = 20

export const valkeyOutage: Scene = {
  name: 'valkey-outage',
  title: 'replicas lose their shared store',
  needs: ['store'],
  play: async (director) => {
    const { length: replicas } = ready(await atRest(director))
    await director.chapter('Under load')
    await underLoad(director, load)
    await director.until('Valkey answers the replicas', ({ storeUp }) => storeUp === true, 30)
    await director.say('{sockets} sockets on {replicas} replicas, which share rooms and sessions through Valkey.')
    const calm = await observe(director, load, replicas, 10)

    await director.chapter('Valkey is unavailable')
    const back = await director.stopStore()
    const noticed = await director.until('the replicas detect the outage', ({ storeUp }) => storeUp === false, 60)
    await director.say('Detected after {took} s. Every socket stays open, and each replica continues on its own.', { took: noticed.took })
    const hold = socketsOpen(director.near(load))
    await director.throughout('no socket is lost', (now) => hold(now) && ready(now).length === replicas, awaySeconds)
    await director.say('{sockets} sockets on {replicas} replicas, while Valkey is unavailable.')

    await director.chapter('Valkey is available again')
    await back()
    const healed = await director.until('Valkey answers the replicas again', ({ storeUp }) => storeUp === true, 60)
    await director.say('Connected again after {took} s. The room messages sent meanwhile are now stored.', { took: healed.took })
    const lost = gained('lost', calm.readings, await director.now())
    if (lost !== null) await director.say('{lost} room messages were lost.', { lost })
    await observe(director, load, replicas, 15)
    await director.say('{sockets} sockets are open, as before.')
  },
}
