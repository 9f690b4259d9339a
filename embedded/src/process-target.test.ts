/** The scaler's view of real processes: the suite that every target passes, and readings of the replicas themselves. */
import { metrics } from '@lab/contract/metrics.ts'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { MetricSpec } from '../../scaler/src/core/types.ts'
import { replicaTargetSuite } from '../../scaler/src/fakes/target-suite.ts'
import { processTarget, scrapeSource } from './process-target.ts'
import { Replicas } from './replicas.ts'

const env = { DRAIN_DELAY: '0', DRAIN_TIMEOUT: '1000', LAST_SCRAPE_TIMEOUT: '0' }
const replicas = new Replicas({ env, drainTimeoutMs: 1_000, say: () => {} })
const now = () => Date.now() / 1000
const target: MetricSpec['target'] = { type: 'AverageValue', averageValueMilli: 1_000 }
const pods = (name: string): MetricSpec => ({ type: 'Pods', metric: { name }, target })

beforeAll(() => replicas.add(2), 60_000)
afterAll(() => replicas.end(true), 60_000)

describe('processes as a target', () => {
  replicaTargetSuite(() => processTarget(replicas))

  test('who drains already does not count, and is not asked again', async () => {
    const draining = replicas.drain(['ws-2'])
    const { removed } = await processTarget(replicas).scaleTo(1, ['ws-2'], AbortSignal.timeout(30_000))
    expect(removed).toEqual([])
    await draining
    await processTarget(replicas).scaleTo(2, [], AbortSignal.timeout(30_000))
    expect(replicas.list().map(({ id }) => id)).toEqual(['ws-1', 'ws-2'])
  }, 60_000)

  test('an action that is abandoned is no longer waited for', async () => {
    const stop = new AbortController()
    const action = processTarget(replicas).scaleTo(3, [], stop.signal)
    stop.abort(new Error('enough'))
    await expect(action).rejects.toThrow('enough')
    // It began before that, and is seen through.
    await expect.poll(() => replicas.list().length, { timeout: 20_000 }).toBe(3)
  }, 60_000)
})

describe('replicas as the source of metrics', () => {
  test('reads CPU, memory, connections and messages of each', async () => {
    const specs: MetricSpec[] = [
      { type: 'Resource', name: 'cpu', target: { type: 'Utilization', averageUtilization: 70 } },
      pods(metrics.connectionsActive.name),
      pods('websocket_messages_per_second'),
    ]
    const source = scrapeSource(replicas, now)
    const measured = async () => (await source.read(specs, AbortSignal.timeout(5_000))).replicas
    await expect.poll(async () => (await measured()).every(({ sample }) => sample !== null), { timeout: 20_000 }).toBe(true)
    const [first] = await measured()
    expect(first?.name).toBe('ws-1')
    expect(first?.valuesMilli).toEqual({ [metrics.connectionsActive.name]: 0, websocket_messages_per_second: 0 })
    expect(first?.sample?.usageMilli.ws?.memory).toBeGreaterThan(10 * 2 ** 20 * 1000)
    expect(Math.abs(now() - (first?.sample?.timeSeconds ?? 0))).toBeLessThan(5)
  }, 60_000)

  test('says of each metric that it cannot have, what it has', async () => {
    const specs = [pods('queue_length'), { type: 'External', metric: { name: 'x' }, target } as const]
    const { failures } = await scrapeSource(replicas, now).read(specs, AbortSignal.timeout(5_000))
    expect(failures).toEqual({
      queue_length: `the embedded lab has no Pods metric queue_length; it has the Pods metrics ${metrics.connectionsActive.name}, websocket_messages_per_second`,
      x: expect.stringMatching(/^the embedded lab has no External metric x; it has/),
    })
  })

  test('a replica that is not heard of for a while has no sample', async () => {
    const { replicas: heard } = await scrapeSource(replicas, () => now() + 60).read([], AbortSignal.timeout(5_000))
    expect(heard).toEqual([])
  })
  test('while nothing can be read, every metric is a failure, and no replica has a sample', async () => {
    const specs = [pods(metrics.connectionsActive.name), { type: 'Resource', name: 'cpu', target } as const]
    const { replicas: heard, failures } = await scrapeSource(replicas, now, () => true).read(specs, AbortSignal.timeout(5_000))
    expect([heard, Object.values(failures)]).toEqual([[], specs.map(() => 'no replica can be scraped')])
  })
})
