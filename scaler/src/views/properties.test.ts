import fc from 'fast-check'
import { expect, test } from 'vitest'
import { createScalerMetrics } from '../metrics.ts'
import { anySimulation } from '../replay/arbitrary.ts'
import { simulatedRecords } from '../sim/records.ts'
import { describeText } from './describe.ts'
import { explainJson, explainText } from './explain.ts'
import { getTable, WatchRows } from './get.ts'
import { getJson, getYaml } from './object.ts'
import { viewOf } from './view.ts'

/** No view may print what a person cannot read. */
const leaks = /undefined|NaN|\[object/

test('no view throws or shows a hole, whatever is recorded', async () => {
  await fc.assert(
    fc.asyncProperty(anySimulation, async (simulation) => {
      // As they come out of a file.
      const records = JSON.parse(JSON.stringify(simulatedRecords(simulation)))
      const rows = new WatchRows(true)
      const metrics = createScalerMetrics()
      for (let count = 1; count <= records.length; count += 1) {
        const kept = records.slice(0, count)
        const nowMs = Date.parse(kept.at(-1).time)
        metrics.observe(kept.at(-1))
        expect(rows.next(kept, nowMs)).not.toMatch(leaks)
        const view = viewOf(kept)
        if (view === null) throw new Error('a record without a view')
        for (const text of [getTable(view, nowMs), getJson(view), getYaml(view), describeText(view, nowMs)]) expect(text).not.toMatch(leaks)
      }
      expect(explainText(records)).not.toMatch(leaks)
      expect(JSON.parse(explainJson(records))).toHaveLength(records.length)
      expect(await metrics.registry.metrics()).not.toMatch(leaks)
    }),
    { numRuns: 60 },
  )
})
