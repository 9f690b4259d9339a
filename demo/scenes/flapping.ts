/** A scaler that forgets at once follows every wave of the load. One that remembers lets it pass. */
import type { Director, Scene } from '../core/scene.ts'
import { atRest, loadSeconds } from './begin.ts'
import { changesOfMind, decisionsAfter, lastDecision, socketsAre } from './facts.ts'

/** The waves, in shares of what a replica shall have. */
const low = 1.6
const high = 3.2
const waves = 2
/** Decisions that are waited for at each height. */
const decisions = 2

export const flapping: Scene = {
  name: 'flapping',
  title: 'settings that flap, and the cure',
  surfaces: ['embedded', 'compose'],
  needs: ['scaler'],
  play: async (director) => {
    const { scaler } = await atRest(director)
    const target = scaler?.target ?? 100
    const heights = { low: Math.round(target * low), high: Math.round(target * high) }
    const changes = changesOfMind()

    await director.chapter('Without a memory')
    await director.say('The scaler wants {target} sockets for each replica. Now it may take replicas away at once, with no window.')
    const settings = { scaleDownWindowSeconds: 0, scaleDownPodsPerPeriod: 10, scaleDownPeriodSeconds: 15 }
    const cure = await director.setScaler(settings, 'scale down: no stabilization window, ten replicas at a time')
    await height(director, changes, heights.low)
    const first = lastDecision(await director.now())
    await swing(director, changes, heights)
    const before = changes.number(first)
    await director.still('failure')
    await director.say('{before} times it wanted another number of replicas. Each time sockets had to move.', { before })

    await director.chapter('The cure')
    await cure()
    await director.say('With the window of its file it takes the highest number that the last minutes asked for.')
    const second = lastDecision(await director.now())
    await swing(director, changes, heights)
    const after = changes.number(second)
    await director.note('changes without a window', before)
    await director.note('changes with the window', after)
    await director.until('it changes its mind less often', () => after.value < before.value, 0)
    await director.still('recovery')
    await director.say('The same waves, and {after} in place of {before} changes: {replicas} replicas wait for the next wave.', {
      after,
      before,
    })
  },
}

async function swing(director: Director, changes: ReturnType<typeof changesOfMind>, heights: { low: number; high: number }): Promise<void> {
  for (let wave = 0; wave < waves; wave++) {
    await height(director, changes, heights.high)
    await director.say('The wave is high: {sockets} sockets, and the scaler wants {desired}.')
    await height(director, changes, heights.low)
    await director.say('The wave is low: {sockets} sockets, and the scaler wants {desired}.')
  }
}

async function height(director: Director, changes: ReturnType<typeof changesOfMind>, load: number): Promise<void> {
  await director.load(load)
  const there = socketsAre(load, director.near(load))
  const { readings } = await director.until(`${load} sockets are open`, changes.seeing(there), loadSeconds)
  const decided = changes.seeing(decisionsAfter(lastDecision(readings), decisions))
  await director.until(`${decisions} decisions were taken on it`, decided, director.scaled(60) + 60)
}
