/** The scaler at work: two replicas become as many as a rush needs, and go again. */
import type { Director, Scene } from '../core/scene.ts'
import type { Readings } from '../core/stage.ts'
import { atRest, loadSeconds, lookOn, startSeconds, underLoad } from './begin.ts'
import { between, fromWaitingFor, ready, replicasAre, replicasAsWanted, sockets, socketsAre, socketsOpen } from './facts.ts'

/** In shares of what one replica shall have; with five of them, each would have more than the tolerance allows. */
const rush = 5.6
const more = 5.8
const rest = 1.2
/** In shares of that, too: what no replica has more of once sockets have spread. */
const spread = 1.25
/** Two in a hundred sockets move each second, so that half of them take most of a minute. Seconds. */
const spreadSeconds = 180

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
    // Some start before all sockets are open, where that takes long.
    await director.say('{took} s after the rush began new replicas start.', { took: fromWaitingFor(open, begun) })

    await director.chapter('As many as it takes')
    // Within the scaler's tolerance of a tenth it stays.
    const enough = (now: Readings) => replicasAsWanted(few + 1)(now) && sockets(now) <= ready(now).length * target * 1.1
    const grown = await director.until('as many as it wants are ready', enough, director.scaled(120) + startSeconds)
    const took = between(open, grown)
    await director.say('The scaler wants {desired} replicas, and {replicas} are ready, {took} s after the sockets came.', { took })
    const crowd = Math.round(target * more)
    await director.load(crowd)
    const everywhere = (now: Readings) => socketsOpen(director.near(crowd))(now) && ready(now).every((one) => one.sockets > 0)
    const { storeUp } = (await director.until('every replica has sockets', everywhere, loadSeconds)).readings
    await director.say('{sockets} sockets on {replicas} replicas, {emptiest} on the emptiest.')
    await director.until('messages are answered', ({ p95Ms }) => p95Ms !== null, 60)
    await director.say('{answers} messages a second are answered, nineteen of twenty within {p95} ms.')
    await (storeUp ? spreadOut(director, target) : stayPut(director))
    await lookOn(director, crowd, ready(grown.readings).length, 5)

    await director.chapter('The rush is over')
    const most = ready(await director.now()).length
    const left = Math.round(target * rest)
    await director.load(left)
    await director.until(`${left} sockets are left`, socketsAre(left, director.near(left)), loadSeconds)
    await director.say('{sockets} sockets are left, and {replicas} replicas. The scaler waits: who leaves makes sockets move.')
    const leaving = await director.until('the first replica leaves', (now) => ready(now).length < most, director.scaled(240) + 30)
    await director.still('draining')
    const calm = { ...leaving.took, value: Math.round(leaving.took.value * director.timeScale) }
    await director.say("After {took} s of calm, {calm} s by the scaler's clock, the first one is asked to leave. They go one at a time.", {
      took: leaving.took,
      calm,
    })
    const small = await director.until(`${few} replicas are left`, replicasAre(few), director.scaled(60 * most) + 60)
    await director.still('scaled-in')
    await director.say('{replicas} replicas again, {took} s later, with {sockets} sockets.', { took: small.took })
    // What is said last is still so while it is read.
    await lookOn(director, left, few, 5)
    await director.note('from all sockets open to all replicas ready', took)
    await director.note('from calm to the first that leaves', leaving.took)
  },
}

/** What replicas share lets a session go on elsewhere, so the full ones ask some of their clients to move. */
async function spreadOut(director: Director, target: number): Promise<void> {
  const most = Math.round(target * spread)
  const even = (now: Readings) => ready(now).every((one) => one.sockets <= most)
  const { took } = await director.until(`no replica has more than ${most} sockets`, even, spreadSeconds)
  await director.still('at-maximum')
  await director.say('{took} s later sockets have moved on to the new ones: none of {replicas} replicas has more than {most}.', {
    took,
    most: { value: most, unit: 'sockets', source: 'the fact that was waited for' },
  })
}

/** Alone, a replica keeps what it has: to move would cost a client its session. */
async function stayPut(director: Director): Promise<void> {
  await director.still('at-maximum')
  await director.say('Nothing is shared here: sockets stay where they are, and new ones go to each replica in turn.')
}
