import { describe, expect, test } from 'vitest'
import { simulations } from './scenarios.ts'
import type { Simulation } from './simulate.ts'
import { simulate, traceText } from './simulate.ts'

const trace = (simulation: Simulation): string => traceText(simulation, simulate(simulation))

describe.each(Object.entries(simulations))('%s', (name, simulation) => {
  test('matches the trace in the file', async () => {
    await expect(trace(simulation)).toMatchFileSnapshot(`traces/${name}.trace.txt`)
  })

  test('returns the same trace for the same seed', () => {
    expect(trace(simulation)).toBe(trace(simulation))
  })
})

test('another seed distributes the sockets differently', () => {
  const { surge } = simulations
  if (surge === undefined) throw new Error('no surge')
  const other = { ...surge, lab: { ...surge.lab, seed: 8 } }
  expect(trace(other).split('\n').slice(1)).not.toEqual(trace(surge).split('\n').slice(1))
})
