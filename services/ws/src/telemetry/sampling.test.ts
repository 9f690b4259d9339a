import fc from 'fast-check'
import { expect, test } from 'vitest'
import { atMostPerSecond, ratioSampler } from './sampling.ts'

/** Returns a pseudo-random generator with a fixed seed. */
function chance(seed: number): () => number {
  let state = seed
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    return state / 2 ** 32
  }
}

test('samples the given share of calls', () => {
  fc.assert(
    fc.property(fc.constantFrom(0.001, 0.01, 0.1, 0.5, 0.9), fc.integer({ min: 1 }), (ratio, seed) => {
      const sample = ratioSampler(ratio, chance(seed))
      const calls = 20_000 / ratio
      let hits = 0
      for (let i = 0; i < calls; i++) if (sample()) hits++
      expect(hits / 20_000).toBeGreaterThan(0.95)
      expect(hits / 20_000).toBeLessThan(1.05)
    }),
    { numRuns: 10 },
  )
})

test('samples every call at 1, and none at 0', () => {
  const [all, none] = [ratioSampler(1, Math.random), ratioSampler(0, Math.random)]
  for (let i = 0; i < 1000; i++) expect([all(), none()]).toEqual([true, false])
})

test('draws one random number per sampled call', () => {
  let asked = 0
  const sample = ratioSampler(0.01, () => {
    asked++
    return 0.5
  })
  let hits = 0
  for (let i = 0; i < 10_000; i++) if (sample()) hits++
  expect(asked).toBe(hits + 1)
  expect(hits).toBeGreaterThan(100)
})

test('limits the sampled calls per second, and starts anew in the next second', () => {
  let nowMs = 0
  const sample = atMostPerSecond(
    3,
    () => true,
    () => nowMs,
  )
  const hits = () => Array.from({ length: 10 }, () => sample()).filter(Boolean).length
  expect(hits()).toBe(3)
  nowMs = 999
  expect(hits()).toBe(0)
  nowMs = 1000
  expect(hits()).toBe(3)
})
