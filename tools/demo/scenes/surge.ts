/** Shows how the scaler adds replicas during a surge of sockets, and removes them afterwards. */

import type { Readings } from '@lab/lab/lab.ts'
import type { Director, Scene } from '../core/scene.ts'
import { atRest, loadSeconds, observe, startSeconds, underLoad } from './begin.ts'
import { between, fromWaitingFor, ready, replicasAre, replicasAsWanted, sockets, socketsAre, socketsOpen } from './facts.ts'

/**
 * The loads used in the scene, as multiples of the scaler's target for one replica. The surge exceeds the capacity of five replicas by more
 * than the scaler's tolerance, so the scaler starts a sixth replica.
 */
const surgeShare = 5.6
const raisedShare = 5.8
const restShare = 1.2
/** Upper limit for the sockets per replica after rebalancing, as a multiple of the target. */
const spread = 1.25
/**
 * Time limit for rebalancing the sockets. Each second, 2 % of the sockets move, so moving half of the sockets takes most of a minute.
 * Seconds.
 */
const spreadSeconds = 180

export const surge: Scene = {
  name: 'surge',
  title: 'a surge of sockets, and the scaler follows',
  needs: ['scaler'],
  play: async (director) => {
    const begin = await atRest(director)
    const target = begin.scaler?.target ?? 100
    const few = ready(begin).length
    await director.say(
      '{replicas} replicas, {sockets} sockets. The target is {target} sockets for each replica, with {min} to {max} replicas.',
    )

    await director.chapter('The surge')
    const open = await underLoad(director, Math.round(target * surgeShare))
    await director.say('{sockets} sockets are open, {fullest} of them on the fullest replica.')
    const grows = ({ replicas }: Readings) => replicas.length > few
    const begun = await director.until('new replicas start', grows, director.scaled(60) + 30)
    // If opening the sockets takes a long time, some replicas start before all sockets are open.
    await director.say('{took} s after the surge began, new replicas start.', { took: fromWaitingFor(open, begun) })

    await director.chapter('The scaler adds replicas')
    // The scaler does not act while the load is within its tolerance of one tenth.
    const enough = (now: Readings) => replicasAsWanted(few + 1)(now) && sockets(now) <= ready(now).length * target * 1.1
    const grown = await director.until('all wanted replicas are ready', enough, director.scaled(120) + startSeconds)
    const took = between(open, grown)
    await director.say('The scaler wants {desired} replicas, and {replicas} are ready, {took} s after the sockets opened.', { took })
    const raised = Math.round(target * raisedShare)
    await director.load(raised)
    const everywhere = (now: Readings) => socketsOpen(director.near(raised))(now) && ready(now).every((one) => one.sockets > 0)
    const { storeUp } = (await director.until('every replica has sockets', everywhere, loadSeconds)).readings
    await director.say('{sockets} sockets on {replicas} replicas, {emptiest} on the emptiest.')
    await director.until('messages are answered', ({ p95Ms }) => p95Ms !== null, 60)
    await director.say('{answers} messages a second are answered, ninety-five percent of them within {p95} ms.')
    await (storeUp ? spreadOut(director, target) : stayPut(director))
    await observe(director, raised, ready(grown.readings).length, 5)

    await director.chapter('The surge is over')
    const most = ready(await director.now()).length
    const left = Math.round(target * restShare)
    await director.load(left)
    await director.until(`${left} sockets remain`, socketsAre(left, director.near(left)), loadSeconds)
    await director.say('{sockets} sockets remain on {replicas} replicas. The scaler waits, because every removal makes sockets move.')
    const leaving = await director.until('the first replica drains', (now) => ready(now).length < most, director.scaled(240) + 30)
    const calm = { ...leaving.took, value: Math.round(leaving.took.value * director.timeScale) }
    await director.say("After {took} s of low load, {calm} s by the scaler's clock, the first replica drains. They end one at a time.", {
      took: leaving.took,
      calm,
    })
    const small = await director.until(`${few} replicas remain`, replicasAre(few), director.scaled(60 * most) + 60)
    await director.say('{took} s later, {replicas} replicas remain, with {sockets} sockets.', { took: small.took })
    // The scene observes the lab once more, because the last caption must remain true while the viewer reads it.
    await observe(director, left, few, 5)
    await director.note('from all sockets open until all replicas are ready', took)
    await director.note('from low load until the first replica drains', leaving.took)
  },
}

/**
 * With a shared store, a session can move to another replica, so full replicas ask some of their clients to reconnect. Waits until the
 * sockets have been rebalanced.
 */
async function spreadOut(director: Director, target: number): Promise<void> {
  const most = Math.round(target * spread)
  const even = (now: Readings) => ready(now).every((one) => one.sockets <= most)
  const { took } = await director.until(`no replica has more than ${most} sockets`, even, spreadSeconds)
  await director.say('{took} s later, sockets have moved to the new replicas: none of {replicas} replicas has more than {most}.', {
    took,
    most: { value: most, unit: 'sockets', source: 'the limit of the fact that was met' },
  })
}

/** Without a shared store, replicas do not rebalance, because a client that reconnects to another replica would lose its session. */
async function stayPut(director: Director): Promise<void> {
  await director.say('There is no shared store: sockets stay where they are, and new ones go to each replica in turn.')
}
