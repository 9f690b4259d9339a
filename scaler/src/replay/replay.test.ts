import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { HorizontalPodAutoscaler } from '../core/types.ts'
import type { TickRecord } from '../record.ts'
import { simulatedRecords } from '../sim/records.ts'
import { samples, simulated } from '../views/sample-records.ts'
import { anySimulation, settings } from './arbitrary.ts'
import { figuresOf } from './figures.ts'
import { loadOf, missingMetrics, neededReplicas, recordedMetrics } from './load.ts'
import { type CurvePoint, recordedRun, replay } from './replay.ts'
import { verify } from './verify.ts'

const surge = simulated('surge')
const asRead = (records: readonly TickRecord[]): TickRecord[] => JSON.parse(JSON.stringify(records))
const hpaOf = ([first]: readonly TickRecord[]): HorizontalPodAutoscaler => {
  if (first === undefined) throw new Error('no record')
  return first.hpa
}

describe('verify', () => {
  test.each(Object.entries(samples).filter(([name]) => name !== 'compressed'))('takes every decision of %s again', (_name, records) => {
    expect(verify(asRead(records))).toEqual({ compared: records.length, differences: [], startedLate: false })
  })

  test('takes every decision of any simulation again', () => {
    fc.assert(
      fc.property(anySimulation, (simulation) => {
        expect(verify(asRead(simulatedRecords(simulation))).differences).toEqual([])
      }),
      { numRuns: 60 },
    )
  })

  test.each<[string, (record: TickRecord) => void, string]>([
    ['a count', (record) => Object.assign(record.decision, { stabilized: 7 }), 'decision.stabilized'],
    [
      'a reading',
      (record) => Object.assign(record.observation.pods[0] ?? {}, { valuesMilli: { connections: 1000 } }),
      'decision.metrics.0.reasoning.current.averageValueMilli',
    ],
    ['the settings', (record) => Object.assign(record, { hpa: { ...record.hpa, maxReplicas: 11 } }), 'decision.maxReplicas'],
    ['what is remembered', (record) => Object.assign(record.memory, { recommendations: [] }), 'memory.recommendations.0'],
  ])('finds %s that was changed afterwards', (_what, change, field) => {
    const records = asRead(surge)
    const record = records[10]
    if (record === undefined) throw new Error('no record')
    change(record)
    const [first] = verify(records).differences
    expect(first).toMatchObject({ time: record.time, field })
    expect(first?.recorded).not.toBe(first?.replayed)
  })

  test('finds a record that is gone', () => {
    expect(verify(asRead(surge.toSpliced(6, 1))).differences).not.toEqual([])
  })

  test('starts from the first record when the beginning is not kept', () => {
    expect(verify(asRead(surge.slice(20)))).toEqual({ compared: surge.length - 21, differences: [], startedLate: true })
  })
})

describe('the model', () => {
  const load = loadOf(surge)

  test('knows the load apart from the replicas that carried it', () => {
    const [calm, full] = [load.ticks[0], load.ticks[10]]
    expect([calm?.podsMilli, full?.podsMilli]).toEqual([{ connections: 150_000 }, { connections: 900_000 }])
    expect(load.startDelaySeconds).toBe(8)
    expect(recordedMetrics(load)).toEqual(['connections', 'resource/cpu'])
    const { metrics } = hpaOf(surge)
    expect(load.ticks.map((tick) => neededReplicas(metrics, tick, load.containers)).slice(3, 7)).toEqual([2, 2, 9, 9])
  })

  test('says which metric the recording does not have', () => {
    const unknown = { type: 'External', metric: { name: 'queue' }, target: { type: 'Value', valueMilli: 1 } } as const
    expect(missingMetrics([...hpaOf(surge).metrics, unknown], load)).toEqual(['queue'])
  })

  test('spreads the load over the replicas that the other settings have', () => {
    const half = hpaOf(surge).metrics.map((metric) =>
      metric.type === 'Pods' ? { ...metric, target: { ...metric.target, averageValueMilli: 50_000 } } : metric,
    )
    const { points } = replay('half', { ...hpaOf(surge), maxReplicas: 30, metrics: half }, load)
    expect(Math.max(...points.map(({ replicas }) => replicas))).toBe(18)
    const least = replay('least', { ...hpaOf(surge), minReplicas: 5 }, load).points
    expect(Math.min(...least.map(({ replicas }) => replicas))).toBe(5)
  })

  test('new replicas carry nothing until they would have been ready', () => {
    const slow = loadOf(simulated('lag'))
    expect(slow.startDelaySeconds).toBe(40)
    const { points } = replay('lag', hpaOf(simulated('lag')), slow)
    const grown = points.findIndex(({ changed }) => changed)
    expect(points.slice(grown + 1, grown + 4).map(({ ready }) => ready)).toEqual([2, 2, 3])
  })

  test('holds while the recording could not read the metrics', () => {
    const blind = simulated('blind')
    const { points } = replay('blind', hpaOf(blind), loadOf(blind))
    const unknown = points.filter(({ needed }) => needed === null)
    expect(unknown.length).toBe(8)
    expect(unknown.every(({ changed }) => !changed)).toBe(true)
  })

  test('shows the recording itself as it was', () => {
    const run = recordedRun('recorded', surge, load)
    expect(run?.points.map(({ replicas }) => replicas)).toEqual(surge.map(({ decision }) => decision.desiredReplicas))
    expect(recordedRun('recorded', [], loadOf([]))).toBeNull()
  })

  test('stays within the bounds of any settings, and gives the same twice', () => {
    fc.assert(
      fc.property(anySimulation, settings, (simulation, hpa) => {
        const recorded = loadOf(asRead(simulatedRecords(simulation)))
        const { points } = replay('any', hpa, recorded)
        expect(points).toHaveLength(recorded.ticks.length)
        // From zero nothing is done; everything else is brought within the bounds at once.
        const bounded = points.every(({ replicas }) => replicas === 0 || (replicas >= hpa.minReplicas && replicas <= hpa.maxReplicas))
        expect(bounded).toBe(true)
        expect(replay('any', hpa, recorded).points).toEqual(points)
      }),
      { numRuns: 60 },
    )
  })
})

describe('figures', () => {
  const point = (timeSeconds: number, replicas: number, ready: number, needed: number | null, changed = false): CurvePoint => ({
    timeSeconds,
    replicas,
    ready,
    needed,
    changed,
  })

  test('count a state until the next synchronisation', () => {
    const points = [point(0, 4, 2, 3, true), point(10, 4, 4, 3), point(30, 4, 4, null), point(40, 2, 4, 5, true), point(60, 9, 2, 9)]
    expect(figuresOf(points)).toEqual({
      durationSeconds: 60,
      peakReplicas: 9,
      changes: 2,
      replicaSeconds: 4 * 40 + 2 * 20,
      overCapacityReplicaSeconds: 30,
      aboveTargetSeconds: 10 + 20,
      unknownSeconds: 10,
    })
  })

  test('of nothing are nothing', () => {
    expect(Object.values(figuresOf([])).every((figure) => figure === 0)).toBe(true)
  })
})
