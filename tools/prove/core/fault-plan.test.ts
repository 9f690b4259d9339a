import { planFaults as catalogue, type PlanFaultName, planFaultNames } from '@lab/faults/catalogue/index.ts'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { planFaults, shortestMs } from './fault-plan.ts'

const half = 30 * 60_000

describe('a plan', () => {
  test('is equal for equal seeds, and different for different ones', () => {
    const settings = { seed: 7, kinds: planFaultNames, drains: undefined, durationMs: half, replicas: 3 }
    expect(planFaults(settings)).toEqual(planFaults(settings))
    expect(planFaults({ ...settings, seed: 8 })).not.toEqual(planFaults(settings))
  })

  test('has each kind within the run, without overlap, on existing replicas', () => {
    const kinds = fc.subarray<PlanFaultName>(planFaultNames, { minLength: 1 })
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
            freeAtMs = atMs + catalogue[kind].inPlan.takesSeconds * 1000
            if (!catalogue[kind].hitsReplica) expect(replica).toBeUndefined()
            else expect(replica).toSatisfy((number: number) => number >= 1 && number <= replicas)
          }
          expect(freeAtMs).toBeLessThanOrEqual(durationMs + plan.length)
        },
      ),
    )
  })

  test('never affects the same replica twice in a row', () => {
    const plan = planFaults({ seed: 1, kinds: ['drain'], drains: 120, durationMs: half, replicas: 2 })
    expect(plan).toHaveLength(120)
    plan.forEach(({ replica }, index) => {
      if (index > 0) expect(replica).not.toBe(plan[index - 1]?.replica)
    })
  })

  test('is empty if no faults are requested', () => {
    expect(planFaults({ seed: 1, kinds: [], drains: undefined, durationMs: half, replicas: 3 })).toEqual([])
  })
})
