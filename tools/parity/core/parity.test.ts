/** Checks the comparison with a simulated controller: the lab's engine takes the place of the controller, and its results are changed. */
import { decide, recordRescale } from '@lab/scaler/core/decide.ts'
import { emptyMemory } from '@lab/scaler/core/decision.ts'
import { scenarioOfLog } from '@lab/scaler/replay/export.ts'
import { simulated } from '@lab/scaler/views/sample-records.ts'
import { describe, expect, test } from 'vitest'
import type { Sync } from './audit.ts'
import { compareMoments, eventBurst, levels, type PlayedSync } from './compare.ts'
import { representable } from './compressed.ts'
import { compareCurves, isParity } from './curves.ts'
import { closedLoop, openMoment, type RecordedMoment, type Recording, recordingOf } from './recording.ts'

const startSeconds = 1_800_000_000
const timeScale = 5

function recorded(name: string): Recording {
  const exported = scenarioOfLog(JSON.parse(JSON.stringify(simulated(name))), { id: name, source: 'test' })
  if (!exported.ok) throw new Error(exported.problems.join('\n'))
  const recording = recordingOf(exported.value.scenario, timeScale, 1000)
  if (!recording.ok) throw new Error(recording.problems.join('\n'))
  return recording.value
}

/** Plays the moments to the engine, whose results have the precision of the API. */
function played(recording: Recording, next: (index: number, atSeconds: number, before: Sync | undefined) => RecordedMoment): PlayedSync[] {
  let memory = emptyMemory
  const result: PlayedSync[] = []
  for (let i = 0; i < recording.moments.length; i++) {
    const atSeconds = startSeconds + i * recording.options.syncPeriodSeconds
    const moment = next(i, atSeconds, result.at(-1)?.sync)
    const observation = representable(moment.observation)
    const step = decide(moment.hpa, recording.options, { ...observation, timeSeconds: atSeconds }, memory)
    const { decision, memory: after } = recordRescale(moment.hpa, recording.options, step, { ok: true })
    memory = after
    const conditions = decision.conditions.map(({ sinceSeconds, ...condition }) => ({
      ...condition,
      lastTransitionTime: new Date(Math.ceil(sinceSeconds) * 1000).toISOString(),
    }))
    const currentMetrics = decision.metrics.map(({ reasoning }) => {
      const { averageUtilization, averageValueMilli } = reasoning?.current ?? {}
      if (averageValueMilli === undefined) return { type: '' }
      const current = { ...(averageUtilization !== undefined && { averageUtilization }), averageValue: `${averageValueMilli}m` }
      return { type: 'Pods', pods: { current } }
    })
    const status = { desiredReplicas: decision.desiredReplicas, currentMetrics, conditions }
    result.push({
      ...moment,
      observation,
      sync: { atSeconds, endSeconds: atSeconds, scaleTo: decision.scaleTo, status, events: decision.events },
    })
  }
  return result
}

const open = (recording: Recording) => played(recording, (i, atSeconds) => openMoment(recording, i, atSeconds))

test.each(['surge', 'blind', 'slow-up', 'no-behavior', 'lag'])('the engine agrees with itself in the open loop of %s', (name) => {
  const recording = recorded(name)
  const moments = compareMoments(open(recording), recording.options)
  expect(moments.flatMap(({ differences }) => differences)).toEqual([])
  expect(moments.some(({ sync }) => sync.scaleTo !== null)).toBe(true)
})

test.each(levels)('a difference in %s is found at its moment', (level) => {
  const recording = recorded('surge')
  const moments = open(recording)
  const at = moments.findIndex(({ sync }) => sync.scaleTo !== null)
  const { sync, ...rest } = moments[at] ?? {}
  if (sync === undefined) throw new Error('no change')
  const [condition] = sync.status.conditions ?? []
  const wrong: Record<(typeof levels)[number], Partial<Sync>> = {
    count: { scaleTo: 1 },
    desired: { status: { ...sync.status, desiredReplicas: 1 } },
    metrics: { status: { ...sync.status, currentMetrics: [] } },
    conditions: { status: { ...sync.status, conditions: condition ? [condition] : [] } },
    events: { events: [] },
  }
  const changed = moments.with(at, { ...rest, sync: { ...sync, ...wrong[level] } } as PlayedSync)
  const found = compareMoments(changed, recording.options).flatMap(({ differences }, i) => differences.map((one) => [i, one.level]))
  expect(found).toEqual([[at, level]])
})

test('events beyond the limit of the controller are not compared', () => {
  const recording = recorded('blind')
  const moments = open(recording)
  const total = moments.flatMap(({ sync }) => sync.events).length
  expect(total).toBeGreaterThan(eventBurst)
  let left = eventBurst
  const limited = moments.map((one) => {
    const events = one.sync.events.slice(0, left)
    left -= events.length
    return { ...one, sync: { ...one.sync, events } }
  })
  expect(compareMoments(limited, recording.options).flatMap(({ differences }) => differences)).toEqual([])
})

describe('the closed loop', () => {
  const recording = recorded('surge')
  const loop = closedLoop(recording)
  const moments = played(recording, (i, atSeconds, before) => loop.moment(i, atSeconds, before))
  const curve = moments.map(({ observation: { scale }, sync }) => ({
    atSeconds: sync.atSeconds,
    replicas: sync.scaleTo ?? ('specReplicas' in scale ? scale.specReplicas : 0),
  }))
  const replayed = loop.replayed(curve.map(({ atSeconds }) => atSeconds))

  test('of the engine has the curve of the replay', () => {
    const comparison = compareCurves(curve, replayed, 2)
    expect(comparison).toMatchObject({ areaBetween: 0 })
    expect(comparison.changes.length).toBeGreaterThan(4)
    expect(isParity(comparison)).toBe(true)
  })

  test('with a change that is two syncs late is no parity', () => {
    const at = replayed.findIndex(({ replicas }) => replicas > 2)
    const late = curve.map((point, i) => (i === at || i === at + 1 ? { ...point, replicas: 2 } : point))
    const comparison = compareCurves(late, replayed, 2)
    expect(isParity(comparison)).toBe(false)
    expect(comparison.areaBetween).toBeGreaterThan(0)
  })

  test('with a large area between the curves is no parity', () => {
    expect(isParity({ areaBetween: 3, area: 100, changes: [] })).toBe(false)
    expect(isParity({ areaBetween: 1, area: 100, changes: [] })).toBe(true)
  })
})

test('a recording is refused if a period is not whole seconds, or the sync period is too short', () => {
  const exported = scenarioOfLog(JSON.parse(JSON.stringify(simulated('surge'))), { id: 'surge', source: 'test' })
  if (!exported.ok) throw new Error(exported.problems.join('\n'))
  expect(recordingOf(exported.value.scenario, 4, 10)).toMatchObject({
    ok: false,
    problems: expect.arrayContaining([
      '--time-scale 4: spec.behavior.scaleUp.policies[0].periodSeconds is 15 s, which is not divisible by 4',
    ]),
  })
  expect(recordingOf(exported.value.scenario, 15, 10)).toMatchObject({
    ok: false,
    problems: ['--time-scale 15: the sync period would be shorter than 2 s; at most 7 is allowed'],
  })
})
