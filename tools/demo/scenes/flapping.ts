/**
 * Shows that without a stabilization window, the scaler follows every wave of the load; with a window, the number of replicas stays the
 * same.
 */
import type { Director, Scene } from '../core/scene.ts'
import { atRest, loadSeconds } from './begin.ts'
import { decisionChanges, decisionsAfter, lastDecision, socketsAre } from './facts.ts'

/** The load at the lowest and the highest point of a wave, as multiples of the scaler's target for one replica. */
const low = 1.6
const high = 3.2
const waves = 2
/** Number of scaling decisions to wait for at the low and the high point of each wave. */
const decisions = 2

export const flapping: Scene = {
  name: 'flapping',
  title: 'flapping without a stabilization window',
  needs: ['scaler'],
  play: async (director) => {
    const { scaler } = await atRest(director)
    const target = scaler?.target ?? 100
    const heights = { low: Math.round(target * low), high: Math.round(target * high) }
    const changes = decisionChanges()

    await director.chapter('Without a stabilization window')
    await director.say('The target is {target} sockets for each replica. The scaler may now remove replicas at once.')
    const rules = { windowSeconds: 0, pods: 10, periodSeconds: 15 }
    const cure = await director.setScaleDown(rules, 'scale down: no stabilization window, ten replicas at a time')
    await height(director, changes, heights.low)
    const first = lastDecision(await director.now())
    await swing(director, changes, heights)
    const before = changes.number(first)
    await director.say('The desired number of replicas changed {before} times. Each time, sockets had to move.', { before })

    await director.chapter('With a stabilization window')
    await cure()
    await director.say('With the window of its settings file, the scaler uses the highest number that it computed in the last minutes.')
    const second = lastDecision(await director.now())
    await swing(director, changes, heights)
    const after = changes.number(second)
    await director.note('changes without the window', before)
    await director.note('changes with the window', after)
    await director.until('the desired number changes less often', () => after.value < before.value, 0)
    await director.say('The waves are the same, with {after} instead of {before} changes: {replicas} replicas remain for the next wave.', {
      after,
      before,
    })
  },
}

async function swing(
  director: Director,
  changes: ReturnType<typeof decisionChanges>,
  heights: { low: number; high: number },
): Promise<void> {
  for (let wave = 0; wave < waves; wave++) {
    await height(director, changes, heights.high)
    await director.say('The wave is high: {sockets} sockets, and the scaler wants {desired}.')
    await height(director, changes, heights.low)
    await director.say('The wave is low: {sockets} sockets, and the scaler wants {desired}.')
  }
}

async function height(director: Director, changes: ReturnType<typeof decisionChanges>, load: number): Promise<void> {
  await director.load(load)
  const there = socketsAre(load, director.near(load))
  const { readings } = await director.until(`${load} sockets are open`, changes.seeing(there), loadSeconds)
  const decided = changes.seeing(decisionsAfter(lastDecision(readings), decisions))
  await director.until(`${decisions} decisions were made at this load`, decided, director.scaled(60) + 60)
}
