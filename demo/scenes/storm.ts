/** Very many clients lose their replica at once, and are careful about coming back. */
import type { Scene } from '../core/scene.ts'
import { byHand, lookOn } from './begin.ts'
import { gained, goneAndMoved, isThere, quickestReturn, ready } from './facts.ts'

const load = 900
const replicas = 3

export const storm: Scene = {
  name: 'storm',
  title: 'hundreds come back at once',
  surfaces: ['embedded', 'compose'],
  needs: [],
  play: async (director) => {
    const now = await byHand(director, replicas, load)
    await director.say('{sockets} sockets on {replicas} replicas, {fullest} on the fullest.')
    await lookOn(director, load, replicas, 15)

    await director.chapter('Hundreds lose their replica')
    const returns = quickestReturn()
    const quiet = await director.now()
    returns.look(quiet)
    const victim = director.pick(ready(now).filter(({ sockets }) => sockets === Math.max(...ready(now).map((one) => one.sockets))))
    const others = ready(now).filter(({ id }) => id !== victim.id)
    await director.fault('kill', victim.id, `${victim.id} is killed`)
    const back = await director.until('all sockets are open again', returns.seeing(goneAndMoved(victim, director.near(load))), 90)
    await director.still('recovery')
    const lost = { value: victim.sockets, unit: 'sockets', source: `what ${victim.id} held at the last look` }
    await director.say('{lost} sockets were cut at once. {took} s later {sockets} are open.', { lost, took: back.took })
    const dials = gained('reconnects', quiet, await director.now())
    if (dials !== null) {
      await director.say('It took {dials} dials, {peak} a second at most: every client waits a random time.', {
        dials,
        peak: returns.number(),
      })
    }

    await director.chapter('The others hold')
    const hold = (seen: typeof now) => others.every((one) => isThere(one, seen)) && ready(seen).length >= others.length
    await director.throughout('the other replicas serve on', hold, 25)
    await director.say('{replicas} replicas hold {sockets} sockets, {fullest} at most. None of them went down with the first.')
    await director.note('from crash to all sockets open', back.took)
  },
}
