/** Tests the control loop with fakes while a rollout is under way. */
import { describe, expect, test } from 'vitest'
import { last, never, sockets, type TestLoop, testLoop, tick } from './fakes/test-loop.ts'
import { initialState, type LoopPorts, type LoopState, synchronise } from './loop.ts'
import type { RolloutScale } from './rollout-file.ts'

describe('while a rollout is under way', () => {
  async function surged(): Promise<{ w: TestLoop; state: LoopState }> {
    const w = testLoop()
    await sockets(w, 100)
    const state = await tick(w, initialState)
    w.rollout = { from: 1, to: 2, replicas: 2 }
    w.target.set(['ws-1', 'ws-2', 'ws-3'])
    return { w, state }
  }

  test('a surge replica is not a change by another client, and does not count as wanted', async () => {
    const { w, state } = await surged()
    await sockets(w, 66)
    const next = await tick(w, state)
    expect(last(w)).toMatchObject({ rollout: { from: 1, to: 2 }, observation: { scale: { specReplicas: 2, statusReplicas: 3 } } })
    expect(last(w)).not.toHaveProperty('changedByHand')
    expect(last(w).decision).toMatchObject({ currentReplicas: 2 })
    // Once the rollout has ended, the number of containers equals the desired number of replicas again.
    w.rollout = undefined
    w.target.set(['ws-3', 'ws-4'])
    await sockets(w, 100)
    await tick(w, next)
    expect(last(w)).not.toHaveProperty('rollout')
    expect(last(w)).not.toHaveProperty('changedByHand')
  })

  test('the decision is passed to the rollout, and the target is not scaled', async () => {
    const { w, state } = await surged()
    await sockets(w, 200)
    const next = await tick(w, state)
    expect(w.target.asked).toEqual([])
    expect(w.rollout?.replicas).toBeGreaterThan(2)
    expect(last(w).action).toMatchObject({ from: 2, to: w.rollout?.replicas, result: 'Succeeded', removed: [] })
    const wanted = w.rollout?.replicas
    await tick(w, next)
    expect(last(w).observation.scale).toMatchObject({ specReplicas: wanted })
    expect(last(w)).not.toHaveProperty('changedByHand')
  })

  test('a rollout that begins or ends during the decision fails the action, and the next synchronisation decides again', async () => {
    const { w, state } = await surged()
    const rollout = { replicas: 2, from: 1, to: 2 }
    await sockets(w, 200)
    const ports = (answers: (RolloutScale | undefined)[]): LoopPorts => ({
      ...w.ports,
      rollout: { read: async () => answers.shift(), write: async () => expect.unreachable() },
    })
    await synchronise(w.settings, ports([rollout, undefined]), state, never)
    expect(last(w).action).toMatchObject({ result: 'Failed', error: 'the rollout ended meanwhile' })
    await synchronise(w.settings, ports([undefined, rollout]), state, never)
    expect(last(w).action).toMatchObject({ result: 'Failed', error: 'a rollout has begun meanwhile' })
    await synchronise(w.settings, ports([rollout, { ...rollout, replicas: 5 }]), state, never)
    expect(last(w)).toMatchObject({ action: { result: 'Failed' }, changedByHand: { from: 2, to: 5 } })
    expect(w.target.asked).toEqual([])
  })
})
