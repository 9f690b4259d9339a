/** Checks that a rolling update respects its limits and comes to an end, no matter how the replicas behave. */
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { nextAction, progressText, type RolloutReplica, type RolloutSpec } from './plan.ts'

const spec: RolloutSpec = { replicas: 3, maxSurge: 1, maxUnavailable: 0, progressDeadlineSeconds: 60, rollingBack: false }

function replica(number: number, changes: Partial<RolloutReplica> = {}): RolloutReplica {
  const name = `ws-${number}`
  return { id: `id-${number}`, name, number, updated: false, state: 'available', createdAtSeconds: 0, detail: 'it serves', ...changes }
}

const threeOld = [replica(1), replica(2), replica(3)]

interface Played {
  readonly actions: string[]
  readonly end: 'done' | 'give-up' | 'endless'
  readonly replicas: readonly RolloutReplica[]
  readonly leastAvailable: number
  readonly most: number
}

interface Play {
  readonly from: readonly RolloutReplica[]
  readonly spec: RolloutSpec
  /** Seconds until each updated replica becomes available, in the order in which the replicas start; Infinity means never. */
  readonly readyAfter: (order: number) => number
}

/** Simulates each action's effect in Docker, with one second between two actions. */
function play({ from, spec: wanted, readyAfter }: Play): Played {
  let replicas = [...from]
  const actions: string[] = []
  const availableOf = () => replicas.filter(({ state }) => state === 'available').length
  let [started, leastAvailable, most] = [0, availableOf(), replicas.length]
  for (let now = 0; now < 5_000; now++) {
    replicas = replicas.map((one) => {
      const order = Number(one.detail.split(' ')[1] ?? Number.NaN)
      return one.state === 'starting' && now - one.createdAtSeconds >= readyAfter(order) ? { ...one, state: 'available' } : one
    })
    const action = nextAction(replicas, wanted, now)
    if (action.kind === 'done' || action.kind === 'give-up') return { actions, end: action.kind, replicas, leastAvailable, most }
    if (action.kind === 'start') {
      const number = 1 + Math.max(0, ...replicas.map((one) => one.number))
      replicas.push(replica(number, { updated: true, state: 'starting', createdAtSeconds: now, detail: `order ${started++}` }))
    } else if (action.kind !== 'wait') replicas = replicas.filter(({ id }) => id !== action.replica.id)
    if (action.kind !== 'wait') actions.push(action.kind === 'start' ? 'start' : `${action.kind} ${action.replica.name}`)
    leastAvailable = Math.min(leastAvailable, availableOf())
    most = Math.max(most, replicas.length)
  }
  return { actions, end: 'endless', replicas, leastAvailable, most }
}

describe('a rolling update', () => {
  test('starts one replica, waits until it is available, and then stops the oldest, one after the other', () => {
    const { actions, end } = play({ from: threeOld, spec, readyAfter: () => 3 })
    expect(end).toBe('done')
    expect(actions).toEqual(['start', 'stop ws-1', 'start', 'stop ws-2', 'start', 'stop ws-3'])
  })

  test('stops an old replica first if no surge is allowed', () => {
    const { actions } = play({ from: threeOld, spec: { ...spec, maxSurge: 0, maxUnavailable: 1 }, readyAfter: () => 3 })
    expect(actions).toEqual(['stop ws-1', 'start', 'stop ws-2', 'start', 'stop ws-3', 'start'])
  })

  test('fails without stopping an old replica if an updated replica is not available in time', () => {
    const { end, replicas } = play({ from: threeOld, spec, readyAfter: () => Number.POSITIVE_INFINITY })
    expect(end).toBe('give-up')
    expect(replicas.filter(({ updated }) => !updated)).toEqual(threeOld)
  })

  test('fails if an updated replica exits, and reports which one', () => {
    const ended = replica(4, { updated: true, state: 'failed', detail: 'ended with exit code 1' })
    expect(nextAction([...threeOld, ended], spec, 1)).toEqual({
      kind: 'give-up',
      reason: 'ReplicaFailed',
      replica: ended,
      message: 'ws-4 ended with exit code 1',
    })
  })

  test('fails if the new version misses an objective, unless the rollout is already rolling back', () => {
    const replicas = [...threeOld, replica(4, { updated: true })]
    const message = 'the new version misses its objective: 9 % of its messages fail'
    expect(nextAction(replicas, spec, 1, '9 % of its messages fail')).toEqual({ kind: 'give-up', reason: 'ObjectiveMissed', message })
    expect(nextAction(replicas, { ...spec, rollingBack: true }, 1, '9 % of its messages fail')).toMatchObject({ kind: 'stop' })
  })

  test('replaces a replica that was killed from outside, and continues', () => {
    const killed = replica(4, { updated: true, state: 'killed', detail: 'ended with exit code 137' })
    expect(nextAction([...threeOld, killed], spec, 1)).toMatchObject({ kind: 'remove', replica: { name: 'ws-4' } })
    expect(play({ from: [...threeOld, killed], spec, readyAfter: () => 3 }).end).toBe('done')
  })

  test('removes exited replicas before it starts new ones, because Compose would start them again', () => {
    const ended = replica(1, { state: 'failed' })
    expect(nextAction([ended, replica(2)], spec, 1)).toMatchObject({ kind: 'remove', replica: { name: 'ws-1' } })
  })

  test('continues with a replica that an earlier command began to drain', () => {
    const from = [replica(1, { state: 'unavailable' }), replica(2), replica(3), replica(4, { updated: true })]
    expect(nextAction(from, spec, 1)).toMatchObject({ kind: 'stop', replica: { name: 'ws-1' } })
  })

  test('removes only the failed revision in a rollback', () => {
    const failed = replica(4, { state: 'starting', detail: 'its health check has not passed' })
    const unchanged = threeOld.map((one) => ({ ...one, updated: true }))
    const { actions, replicas } = play({ from: [...unchanged, failed], spec: { ...spec, rollingBack: true }, readyAfter: () => 0 })
    expect(actions).toEqual(['stop ws-4'])
    expect(replicas).toEqual(unchanged)
  })

  test('removes old replicas first if the number is reduced during the rollout', () => {
    const from = [replica(2), replica(3), replica(4, { updated: true })]
    expect(nextAction(from, { ...spec, replicas: 2 }, 1)).toMatchObject({ kind: 'stop', replica: { name: 'ws-2' } })
  })

  test('keeps its limits and ends, for any mixture of replicas and any surge', () => {
    const one = fc.record({
      updated: fc.boolean(),
      state: fc.constantFrom('available', 'starting', 'unavailable') satisfies fc.Arbitrary<RolloutReplica['state']>,
    })
    const any = fc.record({
      replicas: fc.integer({ min: 1, max: 8 }),
      maxSurge: fc.integer({ min: 0, max: 4 }),
      maxUnavailable: fc.integer({ min: 0, max: 4 }),
    })
    fc.assert(
      fc.property(
        fc.array(one, { maxLength: 10 }),
        any,
        fc.array(fc.integer({ min: 0, max: 50 }), { minLength: 1 }),
        (some, bounds, delays) => {
          fc.pre(bounds.maxSurge + bounds.maxUnavailable > 0)
          const from = some.map((changes, index) => replica(index + 1, { ...changes, detail: 'order 0' }))
          const wanted = { ...spec, ...bounds }
          const { end, replicas, leastAvailable, most } = play({
            from,
            spec: wanted,
            readyAfter: (order) => delays[order % delays.length] ?? 0,
          })
          const before = from.filter(({ state }) => state === 'available').length
          expect(leastAvailable).toBeGreaterThanOrEqual(Math.min(before, wanted.replicas - wanted.maxUnavailable))
          expect(most).toBeLessThanOrEqual(Math.max(from.length, wanted.replicas + wanted.maxSurge))
          // If the rollout did not complete, it must have ended with `give-up`, because some of the initial replicas may never become
          // available.
          if (end === 'done')
            expect(replicas.map(({ updated, state }) => updated && state === 'available')).toEqual(Array(wanted.replicas).fill(true))
          else expect(end).toBe('give-up')
        },
      ),
      { numRuns: 2_000 },
    )
  })
})

test('progress in the wording of kubectl', () => {
  const [a, b, c] = [4, 5, 6].map((number) => replica(number, { updated: true }))
  if (a === undefined || b === undefined || c === undefined) throw new Error('three replicas')
  expect(progressText('ws', [...threeOld, a], 3)).toBe(
    'Waiting for service "ws" rollout to finish: 1 out of 3 new replicas have been updated...',
  )
  expect(progressText('ws', [replica(3), a, b, c], 3)).toBe(
    'Waiting for service "ws" rollout to finish: 1 old replicas are pending termination...',
  )
  expect(progressText('ws', [a, b, { ...c, state: 'starting' }], 3)).toBe(
    'Waiting for service "ws" rollout to finish: 2 of 3 updated replicas are available...',
  )
  expect(progressText('ws', [a, b, c], 3)).toBe('service "ws" successfully rolled out')
})
