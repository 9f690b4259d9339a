/** Shows that hundreds of clients that lose their replica at once reconnect at random times. */
import type { Scene } from '../core/scene.ts'
import { byHand, observe } from './begin.ts'
import { gained, goneAndMoved, isThere, quickestReturn, ready } from './facts.ts'

const load = 900
const replicas = 3

export const storm: Scene = {
  name: 'storm',
  title: 'hundreds of clients reconnect at once',
  needs: [],
  play: async (director) => {
    const now = await byHand(director, replicas, load)
    await director.say('{sockets} sockets on {replicas} replicas, {fullest} on the fullest.')
    await observe(director, load, replicas, 15)

    await director.chapter('Hundreds lose their replica')
    const returns = quickestReturn()
    const quiet = await director.now()
    returns.observe(quiet)
    const victim = director.pick(ready(now).filter(({ sockets }) => sockets === Math.max(...ready(now).map((one) => one.sockets))))
    const others = ready(now).filter(({ id }) => id !== victim.id)
    await director.fault('kill', victim.id, `${victim.id} is killed`)
    const back = await director.until('all sockets are open again', returns.seeing(goneAndMoved(victim, director.near(load))), 90)
    const lost = { value: victim.sockets, unit: 'sockets', source: `the sockets of ${victim.id} in the last reading` }
    await director.say('{lost} sockets were lost at once. {took} s later, {sockets} are open.', { lost, took: back.took })
    const dials = gained('reconnects', quiet, await director.now())
    if (dials !== null) {
      await director.say('It took {dials} reconnects, at most {peak} a second: every client waits for a random time.', {
        dials,
        peak: returns.number(),
      })
    }

    await director.chapter('The other replicas stay up')
    const hold = (seen: typeof now) => others.every((one) => isThere(one, seen)) && ready(seen).length >= others.length
    await director.throughout('the other replicas stay ready', hold, 25)
    await director.say('{replicas} replicas hold {sockets} sockets, at most {fullest} each. None of them failed.')
    await director.note('from the crash until all sockets are open', back.took)
  },
}
