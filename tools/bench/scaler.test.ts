/** Tests at which values the scaler benchmark fails. */
import { expect, test } from 'vitest'
import { failedGates } from './scaler.ts'

const rate = { what: 'decisions per second', goal: 20_000, higherIsBetter: true }
const cost = { what: 'CPU time per replica', goal: 1, higherIsBetter: false }

test('a rate fails below half of its goal, and a cost above twice its goal', () => {
  expect(
    failedGates([
      { ...rate, value: 10_000 },
      { ...cost, value: 2 },
    ]),
  ).toEqual([])
  expect(
    failedGates([
      { ...rate, value: 9_999 },
      { ...cost, value: 2.01 },
    ]),
  ).toEqual([
    'decisions per second: 9999, which is below 10000; the goal is 20000',
    'CPU time per replica: 2.01, which is above 2.00; the goal is 1.00',
  ])
})
