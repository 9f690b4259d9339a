import fc from 'fast-check'
import { expect, test } from 'vitest'
import { createScalerMetrics } from '../metrics.ts'
import { anySimulation } from '../replay/arbitrary.ts'
import { simulatedRecords } from '../sim/records.ts'
import { describeText } from './describe.ts'
import { explainJson, explainText } from './explain.ts'
import { getTable, WatchRows } from './get.ts'
import { getJson, getYaml } from './object.ts'
import { viewOf, viewsOf } from './view.ts'

/** Strings that appear in the output of a view only if its formatting is wrong. */
const leaks = /undefined|NaN|\[object/

test('no view throws or prints undefined values for random records', async () => {
  await fc.assert(
    fc.asyncProperty(anySimulation, async (simulation) => {
      // Converts the records to JSON and back, because the decision log stores records as JSON.
      const records = JSON.parse(JSON.stringify(simulatedRecords(simulation)))
      const rows = new WatchRows(true)
      const metrics = createScalerMetrics()
      for (let count = 1; count <= records.length; count += 1) {
        const logged = records.slice(0, count)
        const nowMs = Date.parse(logged.at(-1).time)
        metrics.observe(logged.at(-1))
        expect(rows.next(viewsOf(logged), nowMs)).not.toMatch(leaks)
        const view = viewOf(logged)
        if (view === null) throw new Error('a record without a view')
        for (const text of [getTable([view], nowMs), getJson(view), getYaml(view), describeText(view, nowMs)])
          expect(text).not.toMatch(leaks)
      }
      expect(explainText(records)).not.toMatch(leaks)
      expect(JSON.parse(explainJson(records))).toHaveLength(records.length)
      expect(await metrics.registry.metrics()).not.toMatch(leaks)
    }),
    { numRuns: 60 },
  )
})
