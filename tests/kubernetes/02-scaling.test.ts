/** Tests the cluster's HPA under load from k6: the HPA goes from 2 to 4 replicas, and then back down one at a time. */
import { services } from '@lab/contract/endpoints.ts'
import { until } from '@lab/host/until.ts'
import { loadStatus, startLoad, stopLoad } from '@lab/lab/kubernetes/load.ts'
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest'
import { addFigure } from '../lib/figures.ts'
import { openSocketGroupAt, type SocketGroup } from '../stack/lib/crowd.ts'
import { entry, hpa, inLab, readyPods } from './lib/cluster.ts'

/** Clients that stay connected while the number of replicas changes. */
const clients = 50
/**
 * Number of sockets that k6 opens in addition to those of the 50 clients. With 350 sockets and a target of 100 sockets per replica, four
 * replicas are needed.
 */
const sockets = 300
const loadSeconds = 120
const peak = 4

interface Change {
  /** Seconds since the load began. */
  at: number
  replicas: number
}

describe.skipIf(inject('cluster') !== 'nodes')('connections per replica', () => {
  let group: SocketGroup
  const changes: Change[] = []
  let jobSucceeded = false
  const startedAt = () => changes[0]?.at ?? 0

  beforeAll(async () => {
    await until('two replicas', async () => (await readyPods()).length === 2 && (await hpa()).currentReplicas === 2, {
      withinMs: 300_000,
      everyMs: 1000,
    })
    group = await openSocketGroupAt(entry, clients)
    const began = performance.now()
    await startLoad({ scenario: 'default', sockets, seconds: loadSeconds })
    const watch = async () => {
      const { currentReplicas } = await hpa()
      if (changes.at(-1)?.replicas !== currentReplicas) changes.push({ at: (performance.now() - began) / 1000, replicas: currentReplicas })
      return currentReplicas
    }
    await until(`${peak} replicas`, async () => (await watch()) >= peak, { withinMs: 150_000, everyMs: 500 })
    await until(`${peak} Ready replicas`, async () => (await watch()) >= peak && (await readyPods()).length >= peak, {
      withinMs: 90_000,
      everyMs: 500,
    })
    await until('the end of the load', async () => (await watch()) > 0 && (await loadStatus()) !== undefined, {
      withinMs: (loadSeconds + 120) * 1000,
      everyMs: 500,
    })
    jobSucceeded = (await loadStatus()) === 'Complete'
    await until('two replicas again', async () => (await watch()) === 2 && (await readyPods()).length === 2, {
      withinMs: 420_000,
      everyMs: 500,
    })
    addFigure('replicas', changes)
  }, 1_200_000)

  afterAll(async () => {
    group?.close()
    await stopLoad()
  })

  test('the load passed all of its thresholds', async () => {
    expect(jobSucceeded, await inLab(['logs', `job/${services.k6}`, '--tail=30'])).toBe(true)
  })

  test('the HPA goes from 2 to 4, 3 and 2 replicas, and no other change occurs', () => {
    const numbers = changes.map(({ replicas }) => replicas)
    const top = numbers.indexOf(peak)
    expect(numbers[0]).toBe(2)
    // If the load is still rising at the HPA's first sync, scaling up takes two steps instead of one.
    for (const [i, replicas] of numbers.slice(0, top + 1).entries()) expect(replicas).toBeGreaterThanOrEqual(numbers[i - 1] ?? 2)
    expect(numbers.slice(top)).toEqual([4, 3, 2])
  })

  test('no replica is removed before the stabilization window ends; then one is removed per policy period', () => {
    const [three, two] = changes.slice(-2)
    expect((three?.at ?? 0) - startedAt()).toBeGreaterThan(loadSeconds)
    expect((two?.at ?? 0) - (three?.at ?? 0)).toBeGreaterThan(25)
  })

  test('the clients of drained replicas have moved, and no session and no message was lost', () => {
    expect(group.mishaps.join('\n')).toBe('')
    expect([...group.at().values()].reduce((sum, count) => sum + count, 0)).toBe(clients)
    expect(group.at().size).toBe(2)
    expect(group.goodbyes.length).toBeGreaterThan(0)
    expect(group.resumed).toBeGreaterThan(0)
    addFigure('moved', { goodbyes: group.goodbyes.length, resumed: group.resumed })
  })
})
