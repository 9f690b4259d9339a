/** The scaler at work: two replicas become as many as a rush needs, and go again. */
import type { Scene } from '../core/scene.ts'
import type { Readings } from '../core/stage.ts'
import { atRest, loadSeconds, lookOn, startSeconds, underLoad } from './begin.ts'
import { between, ready, replicasAre, replicasAsWanted, sockets, socketsAre, socketsOpen } from './facts.ts'

/** In shares of what one replica shall have; with five of them, each would have more than the tolerance allows. */
const rush = 5.6
const more = 5.8
const rest = 1.2

export const surge: Scene = {
  name: 'surge',
  title: 'a rush of sockets, and the scaler follows',
  surfaces: ['embedded', 'compose'],
  needs: ['scaler'],
  play: async (director) => {
    const begin = await atRest(director)
    const target = begin.scaler?.target ?? 100
    const few = ready(begin).length
    await director.say(
      '{replicas} replicas, {sockets} sockets. The scaler wants {target} sockets for each replica, and {min} to {max} replicas.',
    )

    await director.chapter('A rush')
    const open = await underLoad(director, Math.round(target * rush))
    await director.say('{sockets} sockets are open, {fullest} of them on the fullest replica.')
    const grows = ({ replicas }: Readings) => replicas.length > few
    const begun = await director.until('new replicas start', grows, director.scaled(60) + 30)
    await director.still('scaling-out')
    await director.say('{took} s later new replicas start.', { took: between(open, begun) })

    await director.chapter('As many as it takes')
    // Within the scaler's tolerance of a tenth it stays.
    const enough = (now: Readings) => replicasAsWanted(few + 1)(now) && sockets(now) <= ready(now).length * target * 1.1
    const grown = await director.until('as many as it wants are ready', enough, director.scaled(120) + startSeconds)
    const took = between(open, grown)
    await director.say('The scaler wants {desired} replicas, and {replicas} are ready, {took} s after the sockets came.', { took })
    await director.load(Math.round(target * more))
    const everywhere = (now: Readings) =>
      socketsOpen(director.near(Math.round(target * more)))(now) && ready(now).every((one) => one.sockets > 0)
    await director.until('every replica has sockets', everywhere, loadSeconds)
    await director.still('at-maximum')
    await director.say('{sockets} sockets on {replicas} replicas, {emptiest} on the emptiest.')
    await director.until('messages are answered', ({ p95Ms }) => p95Ms !== null, 60)
    await director.say('{answers} messages a second are answered, nineteen of twenty within {p95} ms.')

    await lookOn(director, Math.round(target * more), ready(grown.readings).length, 10)

    await director.chapter('The rush is over')
    const most = ready(await director.now()).length
    const left = Math.round(target * rest)
    await director.load(left)
    await director.until(`${left} sockets are left`, socketsAre(left, director.near(left)), loadSeconds)
    await director.say('{sockets} sockets are left, and {replicas} replicas. The scaler waits: who leaves makes sockets move.')
    const leaving = await director.until('the first replica leaves', (now) => ready(now).length < most, director.scaled(240) + 30)
    await director.still('draining')
    await director.say('After {took} s of calm the first one is asked to leave. They go one at a time.', { took: leaving.took })
    const small = await director.until(`${few} replicas are left`, replicasAre(few), director.scaled(60 * most) + 60)
    await director.still('scaled-in')
    await director.say('{replicas} replicas again, {took} s later, with {sockets} sockets.', { took: small.took })
    await director.note('from all sockets open to all replicas ready', took)
    await director.note('from calm to the first that leaves', leaving.took)
  },
}
