import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { type Load, type RebalanceInput, type RebalanceState, rebalanceSettings, startRebalance, stepRebalance } from './rebalance.ts'

const stepMs = 100

interface SimulationOptions {
  sockets: readonly number[]
  /** Maximum age of the announcements that a replica reads, in addition to the interval of one second between announcements. */
  staleMs: number
  seed: number
  /** What clients do after a goodbye message: reconnect by round robin, reconnect to the same replica (sticky cookie), or nothing. */
  clients: 'round-robin' | 'sticky' | 'deaf'
  /** Called at every step of the simulation; may change the simulated replicas. */
  act?: (simulation: Simulation, nowMs: number) => void
}

interface SimulatedReplica {
  id: string
  state: Load['state']
  size: number
  /** The times at which clients that were asked to reconnect will leave the replica. */
  leavingAtMs: number[]
  plan: RebalanceState
  /** The replica's latest load announcements. */
  announced: { atMs: number; load: Load }[]
  phaseMs: number
  readDelayMs: number
}

interface Simulation {
  replicas: SimulatedReplica[]
  goodbyes: { atMs: number; replica: string; count: number }[]
  /** Total number of sockets at each step of the simulation. */
  totals: number[]
  /** Ratio of the largest to the mean number of sockets on the ready replicas. */
  spread(): number
}

/** Simulates replicas that announce their load once per second, read tables of different ages, and make decisions based on these tables. */
function simulate(
  { sockets, staleMs, seed, clients, act }: SimulationOptions,
  lengthMs: number,
  each?: (simulation: Simulation, nowMs: number) => void,
): Simulation {
  let dice = seed
  const random = () => {
    dice = (Math.imul(dice, 1_664_525) + 1_013_904_223) >>> 0
    return dice / 2 ** 32
  }
  const replicas = sockets.map(
    (size, index): SimulatedReplica => ({
      id: `ws-${index + 1}`,
      state: 'ready',
      size,
      leavingAtMs: [],
      plan: startRebalance(),
      announced: [],
      phaseMs: Math.floor(random() * 10) * stepMs,
      readDelayMs: random() * staleMs,
    }),
  )
  const simulation: Simulation = {
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
    act?.(simulation, nowMs)
    for (const replica of replicas) {
      const leaving = replica.leavingAtMs.filter((atMs) => atMs <= nowMs).length
      replica.leavingAtMs = replica.leavingAtMs.filter((atMs) => atMs > nowMs)
      replica.size -= leaving
      const open = replicas.filter(({ state }) => state === 'ready')
      for (let i = 0; i < leaving; i++) {
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
    simulation.totals.push(replicas.reduce((all, { size }) => all + size, 0))
    for (const reader of replicas) {
      const asOf = (one: SimulatedReplica) => one.announced.findLast(({ atMs }) => atMs <= nowMs - reader.readDelayMs)?.load
      const input: RebalanceInput = {
        nowMs,
        self: reader.id,
        staying: reader.size - reader.leavingAtMs.length,
        table: replicas.map(asOf).filter((load) => load !== undefined),
        rollingOut: false,
      }
      const step = stepRebalance(rebalanceSettings, reader.plan, input)
      reader.plan = step.state
      if (step.goodbyes === 0) continue
      simulation.goodbyes.push({ atMs: nowMs, replica: reader.id, count: step.goodbyes })
      const leaveAt = () => (clients === 'deaf' ? Number.POSITIVE_INFINITY : nowMs + random() * 1000 + 100)
      reader.leavingAtMs.push(...Array.from({ length: step.goodbyes }, leaveAt))
    }
    each?.(simulation, nowMs)
  }
  return simulation
}

const asked = (simulation: Simulation) => simulation.goodbyes.reduce((all, { count }) => all + count, 0)

/**
 * Expects that the number of goodbye messages in each second does not exceed the allowed rate for the current number of sockets. If the
 * rate is below one goodbye message per second, the messages are counted per minute.
 */
function expectRateLimited({ goodbyes, totals }: Simulation): void {
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
  test('from two to four replicas with 2,000 sockets: a spread of at most 1.2 within 48 s, and no goodbyes afterwards', () => {
    for (let seed = 1; seed <= 20; seed++) {
      let unevenUntilMs = 0
      const simulation = simulate({ ...base, seed, sockets: [1000, 1000, 0, 0] }, 200_000, ({ spread }, nowMs) => {
        if (spread() > 1.2) unevenUntilMs = nowMs
      })
      expect(unevenUntilMs).toBeLessThan(48_000)
      expect(simulation.spread()).toBeLessThan(1.1)
      expect(simulation.goodbyes.at(-1)?.atMs).toBeLessThan(120_000)
      expectRateLimited(simulation)
    }
  })

  test('never asks more than 2 % of the sockets per second, whatever joins or leaves, with tables up to 2 s old', () => {
    const change = fc.record({
      atMs: fc.integer({ min: 0, max: 60_000 }),
      index: fc.integer({ min: 0, max: 5 }),
      by: fc.integer({ min: -1500, max: 1500 }),
    })
    const sockets = fc.array(fc.integer({ min: 0, max: 3000 }), { minLength: 2, maxLength: 6 })
    fc.assert(
      fc.property(sockets, fc.array(change, { maxLength: 6 }), fc.integer({ min: 0, max: 1_000_000 }), (sockets, changes, seed) => {
        const act = (simulation: Simulation, nowMs: number) => {
          for (const { atMs, index, by } of changes) {
            const replica = simulation.replicas[index]
            if (!replica || nowMs !== Math.floor(atMs / stepMs) * stepMs) continue
            replica.size = Math.max(replica.leavingAtMs.length, replica.size + by)
          }
        }
        expectRateLimited(simulate({ ...base, seed, sockets, act }, 90_000))
      }),
      { numRuns: 30 },
    )
  })

  test('ends in an even distribution from any start, and no replica begins repeatedly', () => {
    const sockets = fc.array(fc.integer({ min: 0, max: 2000 }), { minLength: 2, maxLength: 6 })
    fc.assert(
      fc.property(sockets, fc.integer({ min: 0, max: 1_000_000 }), (sockets, seed) => {
        const begun = new Map<string, number>()
        const phases = new Map<string, string>()
        const simulation = simulate({ ...base, seed, sockets }, 250_000, ({ replicas }) => {
          for (const { id, plan } of replicas) {
            if (plan.phase === 'shedding' && phases.get(id) !== 'shedding') begun.set(id, (begun.get(id) ?? 0) + 1)
            phases.set(id, plan.phase)
          }
        })
        expect(simulation.goodbyes.at(-1)?.atMs ?? 0).toBeLessThan(150_000)
        // A replica may start shedding sockets again, because clients that leave a fuller replica may reconnect to this one.
        expect(Math.max(0, ...begun.values())).toBeLessThanOrEqual(3)
        expect(simulation.replicas.map(({ plan }) => plan.phase)).toEqual(sockets.map(() => 'even'))
        const mean = sockets.reduce((a, b) => a + b, 0) / sockets.length
        const most = Math.max(...simulation.replicas.map(({ size }) => size))
        expect(most).toBeLessThanOrEqual(Math.max(mean * 1.1, mean + rebalanceSettings.leastExcess) + 1)
      }),
      { numRuns: 25 },
    )
  })

  test('does nothing in an even lab', () => {
    expect(asked(simulate({ ...base, sockets: [520, 500, 480, 500] }, 120_000))).toBe(0)
    expect(asked(simulate({ ...base, sockets: [5, 1] }, 120_000))).toBe(0)
  })

  test('never begins without another ready replica', () => {
    expect(asked(simulate({ ...base, sockets: [2000] }, 60_000))).toBe(0)
    const act = ({ replicas: [, other] }: Simulation) => {
      if (other) other.state = 'starting'
    }
    expect(asked(simulate({ ...base, sockets: [2000, 0], act }, 60_000))).toBe(0)
  })

  test('stops while a replica drains', () => {
    const act = ({ replicas }: Simulation, nowMs: number) => {
      const last = replicas[2]
      if (last) last.state = nowMs < 10_000 ? 'ready' : nowMs < 30_000 ? 'draining' : 'closed'
    }
    const simulation = simulate({ ...base, sockets: [1000, 0, 0], act }, 120_000)
    const at = simulation.goodbyes.map(({ atMs }) => atMs)
    expect(at.some((atMs) => atMs < 10_000)).toBe(true)
    // A replica announces its new state within a second, and other replicas read it within two more seconds.
    expect(at.filter((atMs) => atMs > 13_000 && atMs < 30_000)).toEqual([])
    expect(at.some((atMs) => atMs > 34_000)).toBe(true)
  })

  test('waits until the set of replicas has been unchanged for a while', () => {
    const simulation = simulate({ ...base, sockets: [1000, 0] }, 30_000)
    expect(simulation.goodbyes[0]?.atMs).toBeGreaterThanOrEqual(rebalanceSettings.settleMs)
  })

  test('clients that were asked and stay count as gone, so no other clients are asked instead', () => {
    const simulation = simulate({ ...base, sockets: [1000, 0], clients: 'deaf' }, 600_000)
    expect(asked(simulation)).toBeLessThanOrEqual(500)
    expect(simulation.replicas[0]?.size).toBe(1000)
  })

  test('pauses for minutes when all clients reconnect to the same replica', () => {
    const simulation = simulate({ ...base, sockets: [400, 0], clients: 'sticky' }, rebalanceSettings.restMs)
    expect(simulation.replicas[0]?.plan.phase).toBe('resting')
    expect(asked(simulation)).toBeLessThanOrEqual(2 * 200 * 2)
    const later = simulate({ ...base, sockets: [400, 0], clients: 'sticky' }, 2 * rebalanceSettings.restMs)
    expect(asked(later)).toBeGreaterThan(asked(simulation))
  })

  test('a small lab: one socket at a time, at most 2 % per second', () => {
    const simulation = simulate({ ...base, sockets: [20, 0] }, 300_000)
    expect(simulation.spread()).toBeLessThanOrEqual(1.2)
    const at = simulation.goodbyes.map(({ atMs }) => atMs)
    expect(simulation.goodbyes.every(({ count }) => count === 1)).toBe(true)
    for (let i = 1; i < at.length; i++) expect((at[i] ?? 0) - (at[i - 1] ?? 0)).toBeGreaterThanOrEqual(2_500)
  })
})
