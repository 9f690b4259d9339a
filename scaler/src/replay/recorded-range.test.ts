/** Tests the conversion of recorded Prometheus data to observations. */
import { failure, success } from '@lab/contract/result.ts'
import { describe, expect, test } from 'vitest'
import type { MetricSpec, Observation } from '../core/types.ts'
import { podsMetric } from '../fakes/hpa-fixture.ts'
import { type MetricMap, readMetricMap } from '../metric-map.ts'
import type { Series } from '../metric-readings.ts'
import { loadOf } from './load.ts'
import { momentsOf, observationsOf, queriesFor, type RecordedRange, timesOf } from './recorded-range.ts'
import { observedRun } from './replay.ts'

const map: MetricMap = {
  services: {},
  draining: 'draining',
  recorded: { replicas: 'replicas', ready: 'ready', started: 'started' },
  resource: [{ name: 'cpu', query: 'cpu', windowSeconds: 20, timeQuery: 'cpu time' }],
  pods: [{ name: 'sockets', query: 'sockets' }],
  docker: ['memory'],
  object: [],
  external: [{ name: 'queue', query: 'queue' }],
}
const sockets = podsMetric('sockets', 100)
const cpu: MetricSpec = { type: 'Resource', name: 'cpu', target: { type: 'Utilization', averageUtilization: 50 } }
const queue: MetricSpec = { type: 'External', metric: { name: 'queue' }, target: { type: 'Value', valueMilli: 1 } }

/** Recorded data about replicas at one point in time, keyed by replica name. */
type Moment = Readonly<Record<string, { sockets?: number; cpu?: number; ready?: number; started?: number; drainingSince?: number }>>

const start = 1_700_000_000
const stepSeconds = 15
const replica = { service: 'ws', requestsMilli: { cpu: 250 } }

function recorded(moments: readonly Moment[]): RecordedRange {
  const timesSeconds = moments.map((_, i) => start + i * stepSeconds)
  const seriesOf = (value: (one: Moment[string], timeSeconds: number) => number | undefined): Series[][] =>
    moments.map((moment, i) =>
      Object.entries(moment).flatMap(([name, one]) => {
        const known = value(one, timesSeconds[i] ?? 0)
        return known === undefined ? [] : [{ labels: { replica: name }, value: known }]
      }),
    )
  const answers = new Map([
    ['replicas', seriesOf(() => 1)],
    ['ready', seriesOf(({ ready = 1 }) => ready)],
    ['started', seriesOf(({ started = start - 1000 }) => started)],
    ['draining', seriesOf(({ drainingSince }) => drainingSince)],
    ['sockets', seriesOf((one) => one.sockets)],
    ['cpu', seriesOf((one) => one.cpu)],
    ['cpu time', seriesOf((one, timeSeconds) => (one.cpu === undefined ? undefined : timeSeconds - 2))],
  ])
  return { timesSeconds, answers }
}

const see = (moments: readonly Moment[], metrics: readonly MetricSpec[] = [sockets, cpu], timeScale = 1): Promise<Observation[]> =>
  observationsOf(recorded(moments), { metrics, map, replica, timeScale })
const counts = (observations: readonly Observation[]) =>
  observations.map(({ scale }) => ('error' in scale ? scale.error : scale.specReplicas))

describe('a range', () => {
  test('includes its start, and its end if a step ends there', () => {
    expect(timesOf({ sinceSeconds: 100, untilSeconds: 130, stepSeconds: 15 })).toEqual([100, 115, 130])
    expect(timesOf({ sinceSeconds: 100, untilSeconds: 129, stepSeconds: 15 })).toEqual([100, 115])
    expect(momentsOf({ sinceSeconds: 0, untilSeconds: 3600, stepSeconds: 15 })).toBe(241)
  })
})

describe('the queries', () => {
  test('are those of the metrics and of the replicas, without duplicates', async () => {
    expect(await queriesFor([sockets, cpu, sockets], map)).toEqual(
      success(['replicas', 'ready', 'started', 'draining', 'cpu', 'cpu time', 'sockets']),
    )
  })

  test('fail if the mapping file has none for past replicas', async () => {
    const read = readMetricMap('docker: [cpu, memory]', 'm.yaml')
    if (!read.ok) throw new Error(read.problems.join())
    expect(await queriesFor([sockets], read.value)).toEqual(
      failure('the mapping file has no section recorded, with which past replicas are read'),
    )
  })

  test('fail for memory, which is not recorded', async () => {
    const memory: MetricSpec = { type: 'Resource', name: 'memory', target: { type: 'Utilization', averageUtilization: 50 } }
    expect(await queriesFor([sockets, memory], map)).toEqual(failure('the usage is read from Docker, which does not record it'))
  })

  test('fail for a metric that the mapping file does not have', async () => {
    const strange: MetricSpec = { ...sockets, metric: { name: 'strange' } }
    expect(await queriesFor([sockets, strange], map)).toEqual(failure('the mapping file has no pods metric strange; it has: sockets'))
  })
})

describe('an observation', () => {
  test('has each replica with its requests, samples and readiness, ordered by number', async () => {
    const [first] = await see([{ 'ws-10': { sockets: 3 }, 'ws-2': { sockets: 2.5, cpu: 0.1, ready: 0 } }])
    expect(first).toMatchObject({ timeSeconds: start, scale: { specReplicas: 2, statusReplicas: 2 } })
    expect(first?.pods).toMatchObject([
      {
        name: 'ws-2',
        ready: { status: 'False' },
        containers: [{ name: 'ws', requestsMilli: { cpu: 250 } }],
        sample: { timeSeconds: start - 2, windowSeconds: 20, usageMilli: { ws: { cpu: 100 } } },
        valuesMilli: { sockets: 2500 },
      },
      { name: 'ws-10', ready: { status: 'True' }, sample: null, valuesMilli: { sockets: 3000 } },
    ])
  })

  test('does not count a draining replica, also after its series have ended', async () => {
    const before = { 'ws-1': {}, 'ws-2': {} }
    const draining = { 'ws-1': {}, 'ws-2': { drainingSince: start + 14 } }
    expect(counts(await see([before, draining, before, { 'ws-1': {} }]))).toEqual([2, 1, 1, 1])
  })

  test('counts a new replica with the name of a drained one', async () => {
    const draining = { 'ws-1': { drainingSince: start - 1 } }
    expect(counts(await see([draining, { 'ws-1': { started: start + 7, drainingSince: start - 1 } }]))).toEqual([0, 1])
  })

  test('dates the readiness of a replica to its start if its first point is ready, and to its first ready point otherwise', async () => {
    const started = start + 10
    const seen = await see([
      { 'ws-1': {} },
      { 'ws-1': {}, 'ws-2': { started, ready: 0 } },
      { 'ws-1': {}, 'ws-2': { started } },
      { 'ws-2': { started } },
    ])
    const since = seen.map(({ pods }) => pods.map(({ name, ready }) => [name, ready?.status, (ready?.sinceSeconds ?? 0) - start]))
    expect(since).toEqual([
      [['ws-1', 'True', -1000]],
      [
        ['ws-1', 'True', -1000],
        ['ws-2', 'False', 10],
      ],
      [
        ['ws-1', 'True', -1000],
        ['ws-2', 'True', 30],
      ],
      [['ws-2', 'True', 30]],
    ])
    expect(loadOf(seen.map((observation) => ({ observation, options: {} as never }))).startDelaySeconds).toBe(20)
  })

  test('omits points without replicas at the start and the end, and has no count for such points in between', async () => {
    expect(counts(await see([{}, { 'ws-1': {} }, {}, { 'ws-1': {} }, {}, {}]))).toEqual([1, 'no replica was recorded', 1])
    expect(await see([{}, {}])).toEqual([])
  })

  test('preserves all ratios of times with compressed time', async () => {
    const [first] = await see([{ 'ws-1': { cpu: 0.1, started: start - 10 } }], [cpu], 10)
    expect(first).toMatchObject({
      timeSeconds: start * 10,
      pods: [{ startTimeSeconds: (start - 10) * 10, sample: { timeSeconds: (start - 2) * 10, windowSeconds: 200 } }],
    })
  })

  test('treats a metric without a series as missing, not as zero', async () => {
    const [first] = await see([{ 'ws-1': {} }], [sockets, queue])
    expect(first?.pods[0]?.valuesMilli).toEqual({})
    expect(first?.externalValuesMilli).toEqual({ queue: [] })
  })
})

test('the recorded curve has the actual and the needed replicas', async () => {
  const full = { sockets: 150 }
  const seen = await see([{ 'ws-1': full }, { 'ws-1': full, 'ws-2': full }, {}, { 'ws-1': full, 'ws-2': full }], [sockets])
  const load = loadOf(seen.map((observation) => ({ observation, options: {} as never })))
  const { points, hpa } = observedRun('recorded', [sockets], load)
  expect(hpa).toBeNull()
  expect(points.map(({ replicas, needed, changed }) => [replicas, needed, changed])).toEqual([
    [1, 2, false],
    [2, 3, true],
    [2, null, false],
    [2, 3, false],
  ])
})
