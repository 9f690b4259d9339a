/** Rebalancing: after a scale-up, sockets move to the new replicas, politely and at a bounded rate; switched off, none does. */
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest'
import { services } from '../../contract/src/endpoints.ts'
import { metrics } from '../../contract/src/metrics.ts'
import { type Crowd, openCrowd } from './lib/crowd.ts'
import { addFigure } from './lib/figures.ts'
import { query, replicasUp } from './lib/prometheus.ts'
import { compose, scaleTo } from './lib/stack.ts'
import { until } from './lib/until.ts'

const stack = inject('stack')

/** Share of the sockets that may be told to move per second. */
const ratePerSecond = 0.02
const goodbyes = `${metrics.goodbyes.name}{reason="rebalancing"}`

/** Makes the replicas anew, with this setting. */
async function restart(replicas: number, rebalance: string): Promise<void> {
  const args = ['up', '--detach', '--no-deps', '--no-build', '--force-recreate', '--wait', '--wait-timeout', '90']
  await compose(stack, [...args, '--scale', `ws=${replicas}`, services.ws], { withinSeconds: 150, env: { REBALANCE: rebalance } })
}

describe('2,000 sockets on two replicas, scaled to four', () => {
  const sockets = 2000
  let crowd: Crowd
  let scaledAtMs: number
  let evenAfterSeconds: number

  beforeAll(async () => {
    await scaleTo(stack, 2)
    await until('two targets', async () => (await replicasUp(stack)).length === 2, 60_000)
    crowd = await openCrowd(stack, sockets)
    expect([...crowd.at().values()].map((count) => Math.abs(count - 1000) < 50)).toEqual([true, true])
    expect(crowd.goodbyes, 'nobody is told while the replicas are even').toEqual([])
    await scaleTo(stack, 4)
    scaledAtMs = performance.now()
    await until('a spread of 1.2', () => crowd.spread(4) <= 1.2, 120_000, 50)
    evenAfterSeconds = (performance.now() - scaledAtMs) / 1000
  }, 300_000)

  afterAll(() => crowd?.close())

  test('spread out to at most 1.2 times the mean within 60 s', () => {
    addFigure('rebalanceSeconds', evenAfterSeconds)
    expect(evenAfterSeconds).toBeLessThan(60)
  })

  test('stop when the mean is reached, and stay', async () => {
    let seen = -1
    // Quiet for longer than it takes to begin.
    await until(
      'no more goodbyes',
      () => {
        const quiet = crowd.goodbyes.length === seen
        seen = crowd.goodbyes.length
        return quiet
      },
      90_000,
      6000,
    )
    addFigure('rebalanceFinalSpread', crowd.spread(4))
    expect(crowd.spread(4)).toBeLessThan(1.1)
  }, 120_000)

  test('are told no faster than 2 % of them per second, by the counter and by those who are told', async () => {
    const last = crowd.goodbyes.length
    await until('all goodbyes counted', async () => Number((await query(stack, `sum(${goodbyes})`))[0]?.value[1]) >= last, 30_000)
    const [fastest] = await query(stack, `max_over_time(sum(rate(${goodbyes}[30s]))[5m:1s])`)
    addFigure('rebalancePerSecond', Number(fastest?.value[1]))
    // Once a second, so a span of 25 s between two scrapes may hold 26 of them.
    expect(Number(fastest?.value[1])).toBeLessThanOrEqual(sockets * ratePerSecond * 1.05)
    expect(Number(fastest?.value[1])).toBeGreaterThan(sockets * ratePerSecond * 0.5)
    const at = crowd.goodbyes
    const within10s = at.map((fromMs, index) => at.slice(index).findIndex((atMs) => atMs > fromMs + 10_000))
    expect(Math.max(...within10s)).toBeLessThanOrEqual(sockets * ratePerSecond * 11)
  })

  test('lose nothing: each session goes on elsewhere', () => {
    expect(crowd.mishaps).toEqual([])
    expect(crowd.resumed).toBe(crowd.goodbyes.length)
  })
})

describe('with REBALANCE=off', () => {
  let crowd: Crowd

  beforeAll(async () => {
    await restart(2, 'off')
    crowd = await openCrowd(stack, 200)
  }, 240_000)

  afterAll(async () => {
    crowd?.close()
    await restart(3, 'on')
  }, 240_000)

  test('nobody moves to the new replicas', async () => {
    const before = crowd.at()
    expect(before.size).toBe(2)
    const args = ['up', '--detach', '--no-recreate', '--no-deps', '--no-build', '--wait', '--wait-timeout', '60']
    await compose(stack, [...args, '--scale', 'ws=4', services.ws], { withinSeconds: 120, env: { REBALANCE: 'off' } })
    // Switched on, the first are told some five seconds after the new replicas are ready.
    await sleep(12_000)
    expect(crowd.goodbyes).toEqual([])
    expect(crowd.at()).toEqual(before)
    expect(crowd.mishaps).toEqual([])
  })
})
