/** Checks that an exported recording is a valid conformance case, and that a replay of the case equals the recording. */
import { describe, expect, test } from 'vitest'
import { scenarioSchema } from '../conformance/cases.ts'
import { differences } from '../conformance/compare.ts'
import { replayScenario } from '../conformance/replay.ts'
import { hpa, never, sockets, testLoop } from '../fakes/test-loop.ts'
import { initialState, type LoopState, resumedState, synchronise } from '../loop.ts'
import type { TickRecord } from '../record.ts'
import { simulations } from '../sim/scenarios.ts'
import { samples, simulated } from '../views/sample-records.ts'
import { scenarioOfLoad, scenarioOfLog } from './export.ts'

const info = { id: 'recorded', source: 'test' }

/** Exports the records and returns the case as it would be read back from a file. */
function exported(records: readonly TickRecord[]) {
  const result = scenarioOfLog(JSON.parse(JSON.stringify(records)), info)
  if (!result.ok) throw new Error(result.problems.join('\n'))
  const scenario = scenarioSchema.parse(JSON.parse(JSON.stringify(result.value.scenario)))
  expect(scenario).toEqual(result.value.scenario)
  return { scenario, leftOut: result.value.leftOut }
}

test.each(Object.keys(simulations))('the simulation %s passes all levels', (name) => {
  const { scenario, leftOut } = exported(simulated(name))
  expect(leftOut).toBe(0)
  expect(scenario.steps).toHaveLength(simulated(name).length)
  expect(scenario.steps.every(({ expected }) => expected != null)).toBe(true)
  expect(differences(scenario, replayScenario(scenario))).toEqual([])
})

test('a difference from the recording is found on each level', () => {
  const { scenario } = exported(simulated('surge'))
  const changed = structuredClone(scenario)
  for (const step of changed.steps)
    for (const pod of step.pods ?? []) for (const name of Object.keys(pod.values ?? {})) pod.values = { [name]: 1 }
  const levels = differences(changed, replayScenario(changed)).map(({ level }) => level)
  expect(levels).toEqual(expect.arrayContaining(['scale', 'why', 'metrics', 'events']))
})

test.each(['unreadable', 'failed-action', 'every-metric', 'rollout'])('the sample %s passes all levels', (name) => {
  const records = samples[name] ?? []
  const { scenario } = exported(records)
  expect(scenario.steps).toHaveLength(records.length)
})

describe('records of a scaler', () => {
  /** Returns a control loop that uses fakes, with functions that run syncs and simulate a restart. */
  function running(timeScale = 1) {
    const loop = testLoop({ timeScale }, 1_700_000_000.123_456)
    let state: LoopState = initialState
    return {
      loop,
      run: async (times: number, socketsPerReplica: number) => {
        for (let i = 0; i < times; i++) {
          await sockets(loop, socketsPerReplica)
          state = await synchronise(loop.settings, loop.ports, state, never)
          loop.clock.advance(15.000_7 / timeScale)
        }
      },
      restart: (gapSeconds: number) => {
        loop.clock.advance(gapSeconds / timeScale)
        state = resumedState(loop.records.at(-1), loop.settings, loop.clock.nowSeconds())
      },
    }
  }

  test.each([1, 10])('with fractions of milliseconds and time scale %i', async (timeScale) => {
    const { loop, run } = running(timeScale)
    await run(3, 250)
    await run(10, 20)
    const { scenario } = exported(loop.records)
    expect(scenario.steps.filter(({ expected }) => expected?.scaleTo != null).length).toBeGreaterThan(1)
    expect(scenario.steps.map(({ t }) => t)).toEqual(loop.records.map(({ observation }) => observation.timeSeconds * 1000))
  })

  test('mark the restart after which the scaler had lost its memory', async () => {
    const { loop, run, restart } = running()
    await run(3, 250)
    restart(10)
    await run(2, 250)
    restart(3600)
    await run(6, 20)
    const { scenario } = exported(loop.records)
    expect(scenario.steps.flatMap(({ restart: marked }, i) => (marked ? [i] : []))).toEqual([5])
    const without = { ...scenario, steps: scenario.steps.map(({ restart: _, ...step }) => step) }
    expect(differences(without, replayScenario(without))).not.toEqual([])
  })

  test('are the longest part without a change that the paused scaler did not carry out', async () => {
    const { loop, run } = running()
    await run(2, 20)
    loop.paused = true
    await run(2, 250)
    loop.paused = false
    await run(6, 250)
    expect(exported(loop.records)).toMatchObject({ leftOut: 4, scenario: { steps: { length: 6 } } })
    expect(exported(loop.records.slice(0, 4))).toMatchObject({ leftOut: 2, scenario: { steps: { length: 2 } } })
    expect(scenarioOfLog(loop.records.slice(2, 4), info)).toEqual({
      ok: false,
      problems: ['the log has no decision that the scaler carried out'],
    })
  })

  test('begin at the second record if the memory before the first one is not in the log', async () => {
    const { loop, run } = running()
    await run(3, 250)
    await run(8, 20)
    expect(exported(loop.records.slice(4))).toMatchObject({ leftOut: 1 })
  })

  test('contain a changed specification', async () => {
    const { loop, run } = running()
    await run(2, 250)
    loop.specification = { hpa: { ...hpa, maxReplicas: 3 } }
    await run(2, 250)
    const { scenario } = exported(loop.records)
    expect(scenario.steps.map((step) => step.hpa?.maxReplicas)).toEqual([undefined, undefined, 3, undefined])
  })
})

test('a recording that a case cannot contain is refused', () => {
  const [metric] = simulations.surge?.hpa.metrics ?? []
  if (metric?.type !== 'Pods') throw new Error('no Pods metric')
  const selected = { ...metric, metric: { ...metric.metric, selector: { matchLabels: { room: 'a' } } } }
  const [record] = simulated('surge', { metrics: [metric, selected] })
  if (record === undefined) throw new Error('no record')
  const both = { ...record.observation.pods[0]?.valuesMilli, [`${metric.metric.name} ${JSON.stringify(selected.metric.selector)}`]: 1 }
  const changed = { ...record.observation, pods: record.observation.pods.map((pod) => ({ ...pod, valuesMilli: both })) }
  const result = scenarioOfLog([{ ...record, observation: changed }], info)
  expect(result).toMatchObject({ ok: false })
})

test('observations without decisions become a case without expected results', () => {
  const records = simulated('surge')
  const [first] = records
  if (first === undefined) throw new Error('no record')
  const result = scenarioOfLoad(records, first.hpa, info)
  const expected = exported(records).scenario
  if (!result.ok) throw new Error(result.problems.join('\n'))
  expect(result.value.steps).toEqual(expected.steps.map(({ expected: _, ...step }) => step))
  expect(differences(expected, replayScenario(result.value))).toEqual([])
})
