/** Tests that clients lose no messages or sessions when the replicas are replaced, or when a pod is killed. */
import { services } from '@lab/contract/endpoints.ts'
import { until } from '@lab/host/until.ts'
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest'
import { openSocketGroupAt, type SocketGroup } from '../stack/lib/crowd.ts'
import { entry, inLab, pods, readyPods } from './lib/cluster.ts'

const clients = 60

describe.skipIf(inject('cluster') !== 'nodes')('disruptions', () => {
  let group: SocketGroup

  beforeAll(async () => {
    await until('two replicas', async () => (await readyPods()).length === 2 && (await pods()).length === 2, {
      withinMs: 420_000,
      everyMs: 1000,
    })
    group = await openSocketGroupAt(entry, clients)
  }, 600_000)

  afterAll(() => group?.close())

  test('a rolling update moves all clients, and loses no session', { timeout: 400_000 }, async () => {
    const before = await readyPods()
    await inLab(['set', 'env', `deployment/${services.ws}`, `LAB_VERSION=suite-${Date.now()}`])
    await inLab(['rollout', 'status', `deployment/${services.ws}`, '--timeout=300s'], 320)
    await until('all clients are on new replicas', () => [...group.at().keys()].every((name) => !before.includes(name)), {
      withinMs: 60_000,
    })
    expect(group.mishaps.join('\n')).toBe('')
    expect(group.resumed).toBeGreaterThanOrEqual(clients)
  })

  test('the clients of a killed pod resume their sessions on other replicas', { timeout: 240_000 }, async () => {
    await until('the old pods are gone', async () => (await pods()).length === 2, { withinMs: 90_000, everyMs: 1000 })
    const [victim = ''] = await readyPods()
    const onVictim = group.at().get(victim) ?? 0
    expect(onVictim).toBeGreaterThan(0)
    const resumed = group.resumed
    await inLab(['delete', 'pod', victim, '--grace-period=0', '--force'])
    await until('all clients have moved', () => !group.at().has(victim), { withinMs: 60_000 })
    expect(group.resumed - resumed).toBeGreaterThanOrEqual(onVictim)
    // A killed process sends no close frame, so close code 1006 is expected. No client may report a gap or a new session.
    const unexpected = group.mishaps.filter((mishap) => !/: remote 1006/.test(mishap))
    expect(unexpected).toEqual([])
    await until('two replicas again', async () => (await readyPods()).length === 2, { withinMs: 90_000, everyMs: 1000 })
  })
})
