import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { allFaultKinds, faultKinds, replicaFaults } from './fault-kinds.ts'
import { planFaults, shortestMs } from './fault-plan.ts'

const half = 30 * 60_000

describe('a plan', () => {
  test('is the same for the same seed, and another for another', () => {
    const settings = { seed: 7, kinds: allFaultKinds, drains: undefined, durationMs: half, replicas: 3 }
    expect(planFaults(settings)).toEqual(planFaults(settings))
    expect(planFaults({ ...settings, seed: 8 })).not.toEqual(planFaults(settings))
  })

  test('has each kind in its time, one after another, on replicas there are', () => {
    const kinds = fc.subarray(allFaultKinds, { minLength: 1 })
    const drains = fc.option(fc.integer({ min: 1, max: 120 }), { nil: undefined })
    fc.assert(
      fc.property(
        fc.nat(),
        kinds,
        drains,
        fc.nat({ max: half }),
        fc.integer({ min: 2, max: 6 }),
        (seed, kinds, drains, spareMs, replicas) => {
          const durationMs = shortestMs({ kinds, drains }) + spareMs
          const plan = planFaults({ seed, kinds, drains, durationMs, replicas })
          for (const kind of kinds) expect(plan.map((fault) => fault.kind)).toContain(kind)
          if (drains !== undefined) expect(plan.filter(({ kind }) => kind === 'drain')).toHaveLength(drains)
          let freeAtMs = 0
          for (const { atMs, kind, replica } of plan) {
            expect(atMs).toBeGreaterThanOrEqual(Math.floor(freeAtMs))
            freeAtMs = atMs + faultKinds[kind].takesSeconds * 1000
            if (!replicaFaults.has(kind)) expect(replica).toBeUndefined()
            else expect(replica).toSatisfy((number: number) => number >= 1 && number <= replicas)
          }
          expect(freeAtMs).toBeLessThanOrEqual(durationMs + plan.length)
        },
      ),
    )
  })

  test('never hits the same replica twice in a row', () => {
    const plan = planFaults({ seed: 1, kinds: ['drain'], drains: 120, durationMs: half, replicas: 2 })
    expect(plan).toHaveLength(120)
    plan.forEach(({ replica }, index) => {
      if (index > 0) expect(replica).not.toBe(plan[index - 1]?.replica)
    })
  })

  test('is empty when no faults are asked for', () => {
    expect(planFaults({ seed: 1, kinds: [], drains: undefined, durationMs: half, replicas: 3 })).toEqual([])
  })
})
