/**
 * Checks that thousands of seeded simulation runs fulfil every guarantee, and reach the states in which the guarantees are hard to fulfil.
 */
import { expect, test } from 'vitest'
import { failureText } from './command.ts'
import { planOf } from './plan.ts'
import { runSeeds } from './runs.ts'
import { simulate } from './simulation.ts'

/** The timeout allows for a busy machine; on an idle machine, the test takes only seconds. */
test('every guarantee is held under faults of replicas, connections, clocks and the store', { timeout: 600_000 }, async () => {
  const { failures, unreached, count } = await runSeeds(1, 2000)
  expect(failures.map(failureText).join('\n')).toBe('')
  expect(unreached).toEqual([])
  expect(count).toBe(2000)
})

test('a seed repeats its run', async () => {
  for (const seed of [3, 77, 1234]) {
    const [one, other] = [await simulate(planOf(seed)), await simulate(planOf(seed))]
    expect(other.fingerprint).toBe(one.fingerprint)
    expect(other.events).toBe(one.events)
  }
})
