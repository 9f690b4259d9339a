/**
 * Tests the scaler's adapter with real processes: runs the test suite that every scale target must pass, and reads the metrics of real
 * replicas.
 */
import { metrics } from '@lab/contract/metrics.ts'
import type { MetricSpec } from '@lab/scaler/core/types.ts'
import { replicaTargetSuite } from '@lab/scaler/fakes/target-suite.ts'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { processTarget, scrapeSource } from './process-target.ts'
import { Replicas } from './replicas.ts'

const env = { DRAIN_DELAY: '0', DRAIN_TIMEOUT: '1000', LAST_SCRAPE_TIMEOUT: '0' }
const replicas = new Replicas({ env, drainTimeoutMs: 1_000, say: () => {} })
const now = () => Date.now() / 1000
const target: MetricSpec['target'] = { type: 'AverageValue', averageValueMilli: 1_000 }
const pods = (name: string): MetricSpec => ({ type: 'Pods', metric: { name }, target })

beforeAll(() => replicas.add(2), 60_000)
afterAll(() => replicas.end(true), 60_000)

describe('processes as a scale target', () => {
  replicaTargetSuite(() => processTarget(replicas))

  test('a replica that already drains does not count, and gets no second signal', async () => {
    const draining = replicas.drain(['ws-2'])
    const { removed } = await processTarget(replicas).scaleTo(1, ['ws-2'], AbortSignal.timeout(30_000))
    expect(removed).toEqual([])
    await draining
    await processTarget(replicas).scaleTo(2, [], AbortSignal.timeout(30_000))
    expect(replicas.list().map(({ id }) => id)).toEqual(['ws-1', 'ws-2'])
  }, 60_000)

  test('concurrent requests for the same number result in that number', async () => {
    const shared = processTarget(replicas)
    await Promise.all([3, 3, 3].map((count) => shared.scaleTo(count, [], AbortSignal.timeout(30_000))))
    expect(replicas.list()).toHaveLength(3)
    await shared.scaleTo(2, [], AbortSignal.timeout(30_000))
  }, 60_000)

  test('an aborted call does not wait for its action', async () => {
    const stop = new AbortController()
    const action = processTarget(replicas).scaleTo(3, [], stop.signal)
    stop.abort(new Error('enough'))
    await expect(action).rejects.toThrow('enough')
    // The scaling action had started before the signal aborted, so it runs to completion.
    await expect.poll(() => replicas.list().length, { timeout: 20_000 }).toBe(3)
  }, 60_000)
})

test('replicas that exit unexpectedly are counted as lost once; removed ones are not', async () => {
  const shared = processTarget(replicas)
  const stop = AbortSignal.timeout(60_000)
  await shared.scaleTo(3, [], stop)
  await shared.list(stop)
  await replicas.kill(['ws-3'])
  await shared.list(stop)
  expect([shared.lost?.(), shared.lost?.()]).toEqual([1, 0])
  await shared.scaleTo(3, [], stop)
  await shared.list(stop)
  await shared.scaleTo(2, [], stop)
  await shared.list(stop)
  expect(shared.lost?.()).toBe(0)
}, 60_000)

describe('replicas as a source of metrics', () => {
  test('reads CPU, memory, connections and messages of each replica', async () => {
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

  test('reports for each unavailable metric which ones are available', async () => {
    const specs = [pods('queue_length'), { type: 'External', metric: { name: 'x' }, target } as const]
    const { failures } = await scrapeSource(replicas, now).read(specs, AbortSignal.timeout(5_000))
    expect(failures).toEqual({
      queue_length: `the embedded lab has no Pods metric queue_length; it has the Pods metrics ${metrics.connectionsActive.name}, websocket_messages_per_second`,
      x: expect.stringMatching(/^the embedded lab has no External metric x; it has/),
    })
  })

  test('a replica that was not scraped for a while has no sample', async () => {
    const { replicas: heard } = await scrapeSource(replicas, () => now() + 60).read([], AbortSignal.timeout(5_000))
    expect(heard).toEqual([])
  })
  test('while metrics are withheld, every metric fails and no replica has a sample', async () => {
    const specs = [pods(metrics.connectionsActive.name), { type: 'Resource', name: 'cpu', target } as const]
    const { replicas: heard, failures } = await scrapeSource(replicas, now, () => true).read(specs, AbortSignal.timeout(5_000))
    expect([heard, Object.values(failures)]).toEqual([[], specs.map(() => 'no replica can be scraped')])
  })
})

test('a replica is replaced before it leaves, and is not counted as lost; replicas of an old version go first', async () => {
  const shared = processTarget(replicas)
  const stop = AbortSignal.timeout(60_000)
  await shared.scaleTo(2, [], stop)
  const [first, second] = await shared.list(stop)
  replicas.version = { name: 'v2', colour: 'blue', env: {} }
  await shared.replace(first?.name ?? '', stop)
  const names = (await shared.list(stop)).map(({ name }) => name)
  expect(names).toHaveLength(2)
  expect(names).toContain(second?.name)
  expect(shared.lost?.()).toBe(0)
  expect(replicas.serving().map(({ version }) => version.name)).toEqual(['v2'])
  const { removed } = await shared.scaleTo(1, [], stop)
  expect(removed).toEqual([second?.name])
}, 60_000)

test('replicas of the other colour get no sockets until their colour is live', async () => {
  const shared = processTarget(replicas)
  const stop = AbortSignal.timeout(60_000)
  await shared.scaleTo(1, [], stop)
  const colours = () => replicas.serving().map(({ version }) => version.colour)
  replicas.version = { name: 'v3', colour: 'green', env: {} }
  await shared.add(2, stop)
  expect(replicas.list().map(({ version }) => version.colour)).toEqual(['blue', 'green', 'green'])
  expect(colours()).toEqual(['blue'])
  replicas.live = 'green'
  expect(colours()).toEqual(['green', 'green'])
  const [old] = await shared.list(stop)
  // The scaler lists the replicas while one of them is draining.
  const removed = shared.remove(old?.name ?? '', stop)
  await expect.poll(() => replicas.list()[0]?.leaving).toBe(true)
  await shared.list(stop)
  await removed
  expect(replicas.list().map(({ version }) => version.colour)).toEqual(['green', 'green'])
  await shared.list(stop)
  expect(shared.lost?.()).toBe(0)
}, 60_000)

test('if replicas cannot start, none of them is still starting when the call rejects', async () => {
  const some = new Replicas({ env: { MAX_CONNECTIONS: '0' }, drainTimeoutMs: 1_000, say: () => {} })
  await expect(some.add(2)).rejects.toThrow(/^ws-1 ended at start \(1\): MAX_CONNECTIONS="0"/)
  expect([some.list(), some.starting()]).toEqual([[], []])
}, 60_000)
