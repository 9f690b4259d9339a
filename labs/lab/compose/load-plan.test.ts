import fc from 'fast-check'
import { expect, test } from 'vitest'
import { planLoad } from './load-plan.ts'

const runsOf = (...sizes: number[]) => sizes.map((sockets, index) => ({ name: `run-${index}`, sockets }))

test.each([
  [[], 300, [], 300],
  [[300], 300, [], 0],
  [[300], 0, ['run-0'], 0],
  [[160, 160], 160, ['run-1'], 0],
  [[520, 60], 120, ['run-1', 'run-0'], 120],
  [[100, 50, 50], 120, ['run-2', 'run-1'], 20],
])('with runs of %j and %i wanted sockets, %j are stopped and %i sockets are started', (sizes, sockets, stopped, start) => {
  const plan = planLoad(runsOf(...sizes), sockets)
  expect({ stopped: plan.stop.map(({ name }) => name), start: plan.start }).toEqual({ stopped, start })
})

test('the result is the wanted number, and no run is stopped unnecessarily', () => {
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 1, max: 900 }), { maxLength: 6 }), fc.nat(2000), (sizes, sockets) => {
      const runs = runsOf(...sizes)
      const { stop, start } = planLoad(runs, sockets)
      const staying = runs.filter((run) => !stop.includes(run)).reduce((sum, run) => sum + run.sockets, 0)
      expect(staying + start).toBe(sockets)
      expect(start).toBeGreaterThanOrEqual(0)
      const last = stop.at(-1)
      if (last !== undefined) expect(staying + last.sockets).toBeGreaterThan(sockets)
    }),
  )
})
