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
  test.each(Object.entries(samples).filter(([name]) => name !== 'compressed'))('repeats every decision of %s', (_name, records) => {
    expect(verify(asRead(records))).toEqual({ compared: records.length, differences: [], startedLate: false })
  })

  test('repeats every decision of random simulations', () => {
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
    ['the memory', (record) => Object.assign(record.memory, { recommendations: [] }), 'memory.recommendations.0'],
  ])('detects a change of %s in a record', (_what, change, field) => {
    const records = asRead(surge)
    const record = records[10]
    if (record === undefined) throw new Error('no record')
    change(record)
    const [first] = verify(records).differences
    expect(first).toMatchObject({ time: record.time, field })
    expect(first?.recorded).not.toBe(first?.replayed)
  })

  test('detects a missing record', () => {
    expect(verify(asRead(surge.toSpliced(6, 1))).differences).not.toEqual([])
  })

  test('starts with the first record if the log does not have the beginning', () => {
    expect(verify(asRead(surge.slice(20)))).toEqual({ compared: surge.length - 21, differences: [], startedLate: true })
  })
})

describe('the model', () => {
  const load = loadOf(surge)

  test('separates the load from the recorded replicas', () => {
    const [calm, full] = [load.ticks[0], load.ticks[10]]
    expect([calm?.podsMilli, full?.podsMilli]).toEqual([{ connections: 150_000 }, { connections: 900_000 }])
    expect(load.startDelaySeconds).toBe(8)
    expect(recordedMetrics(load)).toEqual(['connections', 'resource/cpu'])
    const { metrics } = hpaOf(surge)
    expect(load.ticks.map((tick) => neededReplicas(metrics, tick, load.containers)).slice(3, 7)).toEqual([2, 2, 9, 9])
  })

  test('reports metrics that the recording does not have', () => {
    const unknown = { type: 'External', metric: { name: 'queue' }, target: { type: 'Value', valueMilli: 1 } } as const
    expect(missingMetrics([...hpaOf(surge).metrics, unknown], load)).toEqual(['queue'])
  })

  test('distributes the load over the replicas of the other settings', () => {
    const half = hpaOf(surge).metrics.map((metric) =>
      metric.type === 'Pods' ? { ...metric, target: { ...metric.target, averageValueMilli: 50_000 } } : metric,
    )
    const { points } = replay('half', { ...hpaOf(surge), maxReplicas: 30, metrics: half }, load)
    expect(Math.max(...points.map(({ replicas }) => replicas))).toBe(18)
    const least = replay('least', { ...hpaOf(surge), minReplicas: 5 }, load).points
    expect(Math.min(...least.map(({ replicas }) => replicas))).toBe(5)
  })

  test('new replicas get no load until they would have been ready', () => {
    const slow = loadOf(simulated('lag'))
    expect(slow.startDelaySeconds).toBe(40)
    const { points } = replay('lag', hpaOf(simulated('lag')), slow)
    const grown = points.findIndex(({ changed }) => changed)
    expect(points.slice(grown + 1, grown + 4).map(({ ready }) => ready)).toEqual([2, 2, 3])
  })

  test('holds the count while the recording has no metrics', () => {
    const blind = simulated('blind')
    const { points } = replay('blind', hpaOf(blind), loadOf(blind))
    const unknown = points.filter(({ needed }) => needed === null)
    expect(unknown.length).toBe(8)
    expect(unknown.every(({ changed }) => !changed)).toBe(true)
  })

  test('returns the recorded curve unchanged', () => {
    const run = recordedRun('recorded', surge, load)
    expect(run?.points.map(({ replicas }) => replicas)).toEqual(surge.map(({ decision }) => decision.desiredReplicas))
    expect(recordedRun('recorded', [], loadOf([]))).toBeNull()
  })

  test('stays within the bounds of random settings, and is deterministic', () => {
    fc.assert(
      fc.property(anySimulation, settings, (simulation, hpa) => {
        const recorded = loadOf(asRead(simulatedRecords(simulation)))
        const { points } = replay('any', hpa, recorded)
        expect(points).toHaveLength(recorded.ticks.length)
        // The autoscaler does not change a replica count of zero.
        // From the first decision on, every replica count except zero is between minReplicas and maxReplicas.
        const bounded = points.every(({ replicas }) => replicas === 0 || (replicas >= hpa.minReplicas && replicas <= hpa.maxReplicas))
        expect(bounded).toBe(true)
        expect(replay('any', hpa, recorded).points).toEqual(points)
      }),
      { numRuns: 60 },
    )
  })
})

describe('figures', () => {
  test('weight each state by the time until the next synchronisation', () => {
    const points: CurvePoint[] = [
      { timeSeconds: 0, replicas: 4, ready: 2, needed: 3, changed: true },
      { timeSeconds: 10, replicas: 4, ready: 4, needed: 3, changed: false },
      { timeSeconds: 30, replicas: 4, ready: 4, needed: null, changed: false },
      { timeSeconds: 40, replicas: 2, ready: 4, needed: 5, changed: true },
      { timeSeconds: 60, replicas: 9, ready: 2, needed: 9, changed: false },
    ]
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

  test('of an empty curve are zero', () => {
    expect(Object.values(figuresOf([])).every((figure) => figure === 0)).toBe(true)
  })
})
