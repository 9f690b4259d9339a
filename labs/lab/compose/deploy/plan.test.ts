import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { type DeployReplica, type DeploySpec, nextDeployAction } from './plan.ts'

const spec: DeploySpec = {
  replicas: 2,
  progressDeadlineSeconds: 60,
  rollingBack: false,
  share: 0,
  weight: 100,
  sharedAtSeconds: 1000,
  verified: false,
  keep: false,
}
const replica = (number: number, more: Partial<DeployReplica> = {}): DeployReplica => ({
  id: `id-${number}`,
  name: `ws-${number}`,
  number,
  updated: false,
  state: 'available',
  createdAtSeconds: 1000,
  startedAtSeconds: 900,
  detail: 'it serves',
  ...more,
})
const old = [replica(1), replica(2)]
const fresh = [replica(3, { updated: true, startedAtSeconds: 1001 }), replica(4, { updated: true, startedAtSeconds: 1001 })]
const next = (replicas: readonly DeployReplica[], more: Partial<DeploySpec> = {}, now = 1010) =>
  nextDeployAction(replicas, { ...spec, ...more }, now)

describe('the steps of a deploy', () => {
  test('all new replicas are started at once, and waited for', () => {
    expect(next(old)).toEqual({ kind: 'start', count: 2 })
    expect(next([...old, ...fresh.map((one) => ({ ...one, state: 'starting' as const }))])).toMatchObject({ kind: 'wait' })
  })

  test('then they get all new connections, which is verified', () => {
    expect(next([...old, ...fresh])).toEqual({ kind: 'share', percent: 100 })
    expect(next([...old, ...fresh], { share: 100 })).toEqual({ kind: 'verify' })
  })

  test('then the old ones drain, one after the other', () => {
    const switched = { share: 100, verified: true }
    expect(next([...old, ...fresh], switched)).toMatchObject({ kind: 'drain', replica: { name: 'ws-1' }, afterwards: 'remove' })
    expect(next(fresh, switched)).toEqual({ kind: 'done' })
  })

  test('or start again without sockets, where they are to stay', () => {
    const retained = { share: 100, verified: true, keep: true }
    expect(next([...old, ...fresh], retained)).toMatchObject({ kind: 'drain', replica: { name: 'ws-1' }, afterwards: 'start' })
    expect(next([replica(1, { startedAtSeconds: 1005 }), replica(2), ...fresh], retained)).toMatchObject({ replica: { name: 'ws-2' } })
    expect(next([...old.map((one) => ({ ...one, startedAtSeconds: 1005 })), ...fresh], retained)).toEqual({ kind: 'done' })
    expect(next([replica(1, { state: 'failed' }), replica(2), ...fresh], retained)).toMatchObject({ kind: 'revive' })
  })

  test('a canary gets its share, is analysed, and then gets all', () => {
    expect(next([...old, ...fresh], { weight: 10 })).toEqual({ kind: 'share', percent: 10 })
    expect(next([...old, ...fresh], { weight: 10, share: 10 })).toEqual({ kind: 'analyse' })
    expect(next([...old, ...fresh], { weight: 10, share: 100 })).toEqual({ kind: 'verify' })
  })

  test('a weight of 0 waits for a person', () => {
    expect(next([...old, ...fresh], { weight: 0 })).toEqual({ kind: 'ready' })
  })
})

describe('a new version that fails', () => {
  test('is given up when a replica ends, or is not available in time', () => {
    const [one, two] = fresh as [DeployReplica, DeployReplica]
    expect(next([...old, one, { ...two, state: 'failed', detail: 'ended' }])).toMatchObject({ kind: 'give-up', reason: 'ReplicaFailed' })
    const late = [...old, one, { ...two, state: 'starting' as const }]
    expect(next(late, {}, 1061)).toMatchObject({ kind: 'give-up', reason: 'ProgressDeadlineExceeded' })
  })

  test('on the way back, old replicas that serve for days have the whole deadline', () => {
    const back = { rollingBack: true, share: 100, weight: 100, verified: true, sharedAtSeconds: 2000 }
    const restored = old.map((one) => ({ ...one, updated: true, createdAtSeconds: 5 }))
    const ill = [{ ...(restored[0] as DeployReplica), state: 'unavailable' as const }, restored[1] as DeployReplica]
    expect(next(ill, back, 2050)).toMatchObject({ kind: 'wait' })
    expect(next(ill, back, 2061)).toMatchObject({ kind: 'give-up' })
    const bad = fresh.map((one) => ({ ...one, updated: false }))
    expect(next([...restored, ...bad], back, 2001)).toMatchObject({ kind: 'drain', replica: { name: 'ws-3' }, afterwards: 'remove' })
  })
})

test('whatever the states: no old replica that serves is touched before the switch is verified', () => {
  const states = fc.constantFrom('starting', 'available', 'unavailable', 'failed')
  fc.assert(
    fc.property(
      fc.array(fc.tuple(fc.boolean(), states), { maxLength: 6 }),
      fc.integer({ min: 0, max: 100 }),
      fc.boolean(),
      (given, share, keep) => {
        const replicas = given.map(([updated, state], index) => replica(index + 1, { updated, state }))
        const action = next(replicas, { share, keep })
        if (action.kind === 'drain') throw new Error(JSON.stringify(action))
        if (action.kind === 'remove') expect(action.replica.state).toBe('failed')
      },
    ),
  )
})
