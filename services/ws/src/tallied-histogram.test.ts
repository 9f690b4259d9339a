import fc from 'fast-check'
import { Histogram, Registry } from 'prom-client'
import { expect, test } from 'vitest'
import { TalliedHistogram } from './tallied-histogram.ts'

const spec = { name: 'lag_seconds', help: 'How late.', buckets: [0.001, 0.01, 0.1] }

test('returns exactly the samples of a prom-client histogram with the same observations', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.oneof(fc.double({ min: 0, max: 1, noNaN: true }), fc.constantFrom(0, ...spec.buckets))),
      async (values) => {
        const ours = new Registry()
        const theirs = new Registry()
        const tallied = new TalliedHistogram(spec, ours)
        const histogram = new Histogram({ ...spec, registers: [theirs] })
        for (const value of values) {
          tallied.observe(value)
          histogram.observe(value)
        }
        expect(await ours.metrics()).toBe(await theirs.metrics())
      },
    ),
  )
})
