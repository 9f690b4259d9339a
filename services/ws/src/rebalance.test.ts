import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { type Load, type RebalanceInput, type RebalanceState, rebalanceSettings, startRebalance, stepRebalance } from './rebalance.ts'

const stepMs = 100

interface WorldOptions {
  sockets: readonly number[]
  /** How old the announcements that a replica reads may be at most, on top of the second between two of them. */
  staleMs: number
  seed: number
  /** What clients do when told: come back through the router's round robin, come back here (their cookie says so), or nothing. */
  clients: 'round-robin' | 'sticky' | 'deaf'
  /** Changes things from outside at a time. */
  act?: (world: World, nowMs: number) => void
}

interface Replica {
  id: string
  state: Load['state']
  size: number
  /** When those who were told will be gone. */
  told: number[]
  plan: RebalanceState
  /** What it has announced, and when. */
  announced: { atMs: number; load: Load }[]
  phaseMs: number
  readDelayMs: number
}

interface World {
  replicas: Replica[]
  goodbyes: { atMs: number; replica: string; count: number }[]
  /** Sockets in all, at each step. */
  totals: number[]
  /** Largest to mean number of sockets of ready replicas. */
  spread(): number
}

/** Replicas that announce themselves once a second, read tables of different age, and act on them. */
function simulate(
  { sockets, staleMs, seed, clients, act }: WorldOptions,
  lengthMs: number,
  each?: (world: World, nowMs: number) => void,
): World {
  let dice = seed
  const random = () => {
    dice = (Math.imul(dice, 1_664_525) + 1_013_904_223) >>> 0
    return dice / 2 ** 32
  }
  const replicas = sockets.map(
    (size, index): Replica => ({
      id: `ws-${index + 1}`,
      state: 'ready',
      size,
      told: [],
      plan: startRebalance(),
      announced: [],
      phaseMs: Math.floor(random() * 10) * stepMs,
      readDelayMs: random() * staleMs,
    }),
  )
  const world: World = {
    replicas,
    goodbyes: [],
    totals: [],
    spread: () => {
      const sizes = replicas.filter(({ state }) => state === 'ready').map(({ size }) => size)
      return Math.max(...sizes) / (sizes.reduce((a, b) => a + b, 0) / sizes.length)
    },
  }
  let next = 0
  for (let nowMs = 0; nowMs <= lengthMs; nowMs += stepMs) {
    act?.(world, nowMs)
    for (const replica of replicas) {
      const gone = replica.told.filter((atMs) => atMs <= nowMs).length
      replica.told = replica.told.filter((atMs) => atMs > nowMs)
      replica.size -= gone
      const open = replicas.filter(({ state }) => state === 'ready')
      for (let i = 0; i < gone; i++) {
        const target = clients === 'sticky' ? replica : open[next++ % open.length]
        if (target) target.size++
      }
    }
    for (const replica of replicas) {
      if ((nowMs + replica.phaseMs) % 1000 !== 0 && nowMs > 0) continue
      replica.announced = [
        ...replica.announced.slice(-5),
        { atMs: nowMs, load: { id: replica.id, state: replica.state, connections: replica.size } },
      ]
    }
    world.totals.push(replicas.reduce((all, { size }) => all + size, 0))
    for (const reader of replicas) {
      const asOf = (one: Replica) => one.announced.findLast(({ atMs }) => atMs <= nowMs - reader.readDelayMs)?.load
      const input: RebalanceInput = {
        nowMs,
        self: reader.id,
        staying: reader.size - reader.told.length,
        table: replicas.map(asOf).filter((load) => load !== undefined),
      }
      const step = stepRebalance(rebalanceSettings, reader.plan, input)
      reader.plan = step.state
      if (step.goodbyes === 0) continue
      world.goodbyes.push({ atMs: nowMs, replica: reader.id, count: step.goodbyes })
      const leaveAt = () => (clients === 'deaf' ? Number.POSITIVE_INFINITY : nowMs + random() * 1000 + 100)
      reader.told.push(...Array.from({ length: step.goodbyes }, leaveAt))
    }
    each?.(world, nowMs)
  }
  return world
}

const told = (world: World) => world.goodbyes.reduce((all, { count }) => all + count, 0)

/** In any second, no more goodbyes than their share of the sockets there were when the tables were made; single ones are counted by the minute. */
function expectRateKept({ goodbyes, totals }: World): void {
  const most = (fromMs: number, toMs: number) => Math.max(...totals.slice(Math.max(0, fromMs / stepMs), toMs / stepMs))
  const said = (fromMs: number, toMs: number) => goodbyes.filter(({ atMs }) => atMs >= fromMs && atMs < toMs)
  for (const { atMs } of goodbyes) {
    const ofShares = said(atMs, atMs + 1000).filter(({ count }) => count > 1)
    expect(ofShares.reduce((all, { count }) => all + count, 0)).toBeLessThanOrEqual(
      most(atMs - 2000, atMs + 1000) * rebalanceSettings.ratePerSecond,
    )
    const minute = said(atMs, atMs + 60_000).reduce((all, { count }) => all + count, 0)
    expect(minute).toBeLessThanOrEqual(most(atMs - 2000, atMs + 60_000) * rebalanceSettings.ratePerSecond * 60 + 6)
  }
}

const base = { staleMs: 1_000, seed: 1, clients: 'round-robin' } as const

describe('rebalancing', () => {
  test('from two to four replicas, 2,000 sockets: spread at most 1.2 within 48 s, then quiet for good', () => {
    for (let seed = 1; seed <= 20; seed++) {
      let unevenUntilMs = 0
      const world = simulate({ ...base, seed, sockets: [1000, 1000, 0, 0] }, 200_000, ({ spread }, nowMs) => {
        if (spread() > 1.2) unevenUntilMs = nowMs
      })
      expect(unevenUntilMs).toBeLessThan(48_000)
      expect(world.spread()).toBeLessThan(1.1)
      expect(world.goodbyes.at(-1)?.atMs).toBeLessThan(120_000)
      expectRateKept(world)
    }
  })

  test('never tells more than 2 % of the sockets per second, whatever is where, joins or leaves, on tables up to 2 s old', () => {
    const change = fc.record({
      atMs: fc.integer({ min: 0, max: 60_000 }),
      index: fc.integer({ min: 0, max: 5 }),
      by: fc.integer({ min: -1500, max: 1500 }),
    })
    const sockets = fc.array(fc.integer({ min: 0, max: 3000 }), { minLength: 2, maxLength: 6 })
    fc.assert(
      fc.property(sockets, fc.array(change, { maxLength: 6 }), fc.integer({ min: 0, max: 1_000_000 }), (sockets, changes, seed) => {
        const act = (world: World, nowMs: number) => {
          for (const { atMs, index, by } of changes) {
            const replica = world.replicas[index]
            if (!replica || nowMs !== Math.floor(atMs / stepMs) * stepMs) continue
            replica.size = Math.max(replica.told.length, replica.size + by)
          }
        }
        expectRateKept(simulate({ ...base, seed, sockets, act }, 90_000))
      }),
      { numRuns: 30 },
    )
  })

  test('ends for good wherever it begins: even, quiet, and nobody began again and again', () => {
    const sockets = fc.array(fc.integer({ min: 0, max: 2000 }), { minLength: 2, maxLength: 6 })
    fc.assert(
      fc.property(sockets, fc.integer({ min: 0, max: 1_000_000 }), (sockets, seed) => {
        const begun = new Map<string, number>()
        const phases = new Map<string, string>()
        const world = simulate({ ...base, seed, sockets }, 250_000, ({ replicas }) => {
          for (const { id, plan } of replicas) {
            if (plan.phase === 'shedding' && phases.get(id) !== 'shedding') begun.set(id, (begun.get(id) ?? 0) + 1)
            phases.set(id, plan.phase)
          }
        })
        expect(world.goodbyes.at(-1)?.atMs ?? 0).toBeLessThan(150_000)
        // More than once happens: those who leave a fuller replica also fill one that is done already.
        expect(Math.max(0, ...begun.values())).toBeLessThanOrEqual(3)
        expect(world.replicas.map(({ plan }) => plan.phase)).toEqual(sockets.map(() => 'even'))
        const mean = sockets.reduce((a, b) => a + b, 0) / sockets.length
        const most = Math.max(...world.replicas.map(({ size }) => size))
        expect(most).toBeLessThanOrEqual(Math.max(mean * 1.1, mean + rebalanceSettings.leastExcess) + 1)
      }),
      { numRuns: 25 },
    )
  })

  test('leaves an even lab alone', () => {
    expect(told(simulate({ ...base, sockets: [520, 500, 480, 500] }, 120_000))).toBe(0)
    expect(told(simulate({ ...base, sockets: [5, 1] }, 120_000))).toBe(0)
  })

  test('never begins alone, nor next to replicas that are not ready', () => {
    expect(told(simulate({ ...base, sockets: [2000] }, 60_000))).toBe(0)
    const act = ({ replicas: [, other] }: World) => {
      if (other) other.state = 'starting'
    }
    expect(told(simulate({ ...base, sockets: [2000, 0], act }, 60_000))).toBe(0)
  })

  test('stops while any replica leaves', () => {
    const act = ({ replicas }: World, nowMs: number) => {
      const last = replicas[2]
      if (last) last.state = nowMs < 10_000 ? 'ready' : nowMs < 30_000 ? 'draining' : 'closed'
    }
    const world = simulate({ ...base, sockets: [1000, 0, 0], act }, 120_000)
    const at = world.goodbyes.map(({ atMs }) => atMs)
    expect(at.some((atMs) => atMs < 10_000)).toBe(true)
    // The news takes up to a second to be announced, and two more to be read.
    expect(at.filter((atMs) => atMs > 13_000 && atMs < 30_000)).toEqual([])
    expect(at.some((atMs) => atMs > 34_000)).toBe(true)
  })

  test('waits until the replicas have been the same for a while', () => {
    const world = simulate({ ...base, sockets: [1000, 0] }, 30_000)
    expect(world.goodbyes[0]?.atMs).toBeGreaterThanOrEqual(rebalanceSettings.settleMs)
  })

  test('those who were told and stay count as gone: nobody is told in their place', () => {
    const world = simulate({ ...base, sockets: [1000, 0], clients: 'deaf' }, 600_000)
    expect(told(world)).toBeLessThanOrEqual(500)
    expect(world.replicas[0]?.size).toBe(1000)
  })

  test('gives up for minutes when everybody comes back to the same replica', () => {
    const world = simulate({ ...base, sockets: [400, 0], clients: 'sticky' }, rebalanceSettings.restMs)
    expect(world.replicas[0]?.plan.phase).toBe('resting')
    expect(told(world)).toBeLessThanOrEqual(2 * 200 * 2)
    const later = simulate({ ...base, sockets: [400, 0], clients: 'sticky' }, 2 * rebalanceSettings.restMs)
    expect(told(later)).toBeGreaterThan(told(world))
  })

  test('a small lab: one socket at a time, no more often than 2 % per second', () => {
    const world = simulate({ ...base, sockets: [20, 0] }, 300_000)
    expect(world.spread()).toBeLessThanOrEqual(1.2)
    const at = world.goodbyes.map(({ atMs }) => atMs)
    expect(world.goodbyes.every(({ count }) => count === 1)).toBe(true)
    for (let i = 1; i < at.length; i++) expect((at[i] ?? 0) - (at[i - 1] ?? 0)).toBeGreaterThanOrEqual(2_500)
  })
})
