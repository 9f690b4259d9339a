/**
 * Tests rebalancing: after scaling up, clients are asked to move to the new replicas at a limited rate.
 * When rebalancing is disabled, no client moves.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { services } from '@lab/contract/endpoints.ts'
import { metrics } from '@lab/contract/metrics.ts'
import { until } from '@lab/host/until.ts'
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest'
import { addFigure } from '../lib/figures.ts'
import { openSocketGroup, type SocketGroup } from './lib/crowd.ts'
import { query, replicasUp } from './lib/prometheus.ts'
import { compose, scaleTo } from './lib/stack.ts'

const stack = inject('stack')

/** Fraction of the sockets that may be asked to reconnect in each second. */
const ratePerSecond = 0.02
const goodbyes = `${metrics.goodbyes.name}{reason="rebalancing"}`

/** Recreates the replicas with the given value of `REBALANCE`. */
async function restart(replicas: number, rebalance: string): Promise<void> {
  const args = ['up', '--detach', '--no-deps', '--no-build', '--force-recreate', '--wait', '--wait-timeout', '90']
  await compose(stack, [...args, '--scale', `ws=${replicas}`, services.ws], { withinSeconds: 150, env: { REBALANCE: rebalance } })
}

describe('2,000 sockets on two replicas, scaled to four', () => {
  const sockets = 2000
  let group: SocketGroup
  let scaledAtMs: number
  let evenAfterSeconds: number

  beforeAll(async () => {
    await scaleTo(stack, 2)
    await until('two targets', async () => (await replicasUp(stack)).length === 2, { withinMs: 60_000 })
    group = await openSocketGroup(stack, sockets)
    expect([...group.at().values()].map((count) => Math.abs(count - 1000) < 50)).toEqual([true, true])
    expect(group.goodbyes, 'no goodbyes while the replicas have equally many sockets').toEqual([])
    await scaleTo(stack, 4)
    scaledAtMs = performance.now()
    await until('a spread of 1.2', () => group.spread(4) <= 1.2, { withinMs: 120_000, everyMs: 50 })
    evenAfterSeconds = (performance.now() - scaledAtMs) / 1000
  }, 300_000)

  afterAll(() => group?.close())

  test('spread out to at most 1.2 times the mean within 60 s', () => {
    addFigure('rebalanceSeconds', evenAfterSeconds)
    expect(evenAfterSeconds).toBeLessThan(60)
  })

  test('stop moving when the mean is reached', async () => {
    let seen = -1
    // Rebalancing has ended if no goodbye message has arrived for longer than the initial delay of rebalancing.
    await until(
      'no more goodbyes',
      () => {
        const quiet = group.goodbyes.length === seen
        seen = group.goodbyes.length
        return quiet
      },
      { withinMs: 90_000, everyMs: 6000 },
    )
    addFigure('rebalanceFinalSpread', group.spread(4))
    expect(group.spread(4)).toBeLessThan(1.1)
  }, 120_000)

  test('get goodbyes at no more than 2 % per second, according to the counter and to the clients', async () => {
    const last = group.goodbyes.length
    await until('all goodbyes counted', async () => ((await query(stack, `sum(${goodbyes})`))[0]?.value ?? Number.NaN) >= last, {
      withinMs: 30_000,
    })
    const [fastest] = await query(stack, `max_over_time(sum(rate(${goodbyes}[30s]))[5m:1s])`)
    addFigure('rebalancePerSecond', fastest?.value)
    // A replica sends one batch of goodbye messages per second, so a 25 s interval between two scrapes may contain 26 batches.
    expect(fastest?.value).toBeLessThanOrEqual(sockets * ratePerSecond * 1.05)
    expect(fastest?.value).toBeGreaterThan(sockets * ratePerSecond * 0.5)
    const at = group.goodbyes
    const within10s = at.map((fromMs, index) => at.slice(index).findIndex((atMs) => atMs > fromMs + 10_000))
    expect(Math.max(...within10s)).toBeLessThanOrEqual(sockets * ratePerSecond * 11)
  })

  test('lose nothing: each session is resumed on another replica', () => {
    expect(group.mishaps.join('\n')).toBe('')
    expect(group.resumed).toBe(group.goodbyes.length)
  })
})

describe('with REBALANCE=off', () => {
  let group: SocketGroup

  beforeAll(async () => {
    await restart(2, 'off')
    group = await openSocketGroup(stack, 200)
  }, 240_000)

  afterAll(async () => {
    group?.close()
    await restart(3, 'on')
  }, 240_000)

  test('no client moves to the new replicas', async () => {
    const before = group.at()
    expect(before.size).toBe(2)
    await scaleTo({ ...stack, env: { ...stack.env, REBALANCE: 'off' } }, 4)
    // If rebalancing were enabled, the first goodbye messages would be sent about five seconds after the new replicas are ready.
    await sleep(12_000)
    expect(group.goodbyes).toEqual([])
    expect(group.at()).toEqual(before)
    expect(group.mishaps.join('\n')).toBe('')
  })
})
