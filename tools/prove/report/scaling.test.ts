import { expect, test } from 'vitest'
import { growth, resourcesOf } from './resources.ts'
import { sampleEvidence } from './sample-evidence.ts'
import { livesOf, scalingOf } from './scaling.ts'

const { scaled, window, sampled } = sampleEvidence()
const greetings = [
  { atMs: window[0] + 14_000, replica: 'ws-1' },
  { atMs: window[0] + 19_500, replica: 'ws-3' },
]

test('scaling up: demand, decision, readiness, and first socket on an added replica', () => {
  const { ups, replicas, timeline } = scalingOf({ ...scaled, greetings, faults: [] }, window)
  expect(ups).toEqual([
    { from: 2, to: 3, replica: 'ws-3', demandAtSeconds: 10, decisionAtSeconds: 12, readyAtSeconds: 15, firstSocketAtSeconds: 19.5 },
  ])
  expect(replicas.map(({ atSeconds, running, ready }) => [atSeconds, running, ready])).toEqual([
    [0, 2, 2],
    [13, 3, 2],
    [15, 3, 3],
    [58, 2, 2],
    [70, 1, 1],
    [80, 2, 1],
    [82, 2, 2],
    [100, 2, 2],
  ])
  expect(timeline[1]?.text).toBe('2 → 3: 150 connections')
  expect(timeline.map(({ kind }) => kind).slice(0, 5)).toEqual(['demand', 'decision', 'started', 'ready', 'first socket'])
})

test('the time is unknown if the added replica never gets a socket; older replicas do not count', () => {
  const { ups } = scalingOf({ ...scaled, greetings: greetings.slice(0, 1), faults: [] }, window)
  expect(ups[0]).toMatchObject({ readyAtSeconds: 15, firstSocketAtSeconds: null })
})

test('the life of a replica lasts from start to exit within the run; a restart begins a second one', () => {
  const seconds = livesOf(scaled.events, scaled.atStart, window).map(({ replica, fromMs, toMs }) => [
    replica,
    (fromMs - window[0]) / 1000,
    (toMs - window[0]) / 1000,
  ])
  expect(seconds).toEqual([
    ['ws-3', 13, 58],
    ['ws-1', 0, 70],
    ['ws-2', 0, 100],
    ['ws-1', 80, 100],
  ])
})

test('each replica has its seconds, CPU and memory, without its usage before the run', () => {
  const { replicas } = resourcesOf(sampled, scaled.events, scaled.atStart, window)
  expect(replicas.map(({ replica, seconds, cpuSeconds }) => [replica, seconds, cpuSeconds])).toEqual([
    ['ws-1', 90, 1],
    ['ws-2', 100, 1],
    ['ws-3', 45, 4],
  ])
  // The replica used 64 MiB for ten seconds, and 128 MiB for five seconds.
  expect(replicas[2]).toMatchObject({ memoryPeakBytes: 2 ** 27 })
  expect(replicas[2]?.memoryGibSeconds).toBeCloseTo((45 * (64 * 10 + 128 * 5)) / 15 / 1024)
  expect(resourcesOf({ problem: 'away' }, scaled.events, scaled.atStart, window)).toMatchObject({
    problem: 'away',
    replicas: [{ cpuSeconds: null }, { cpuSeconds: null }, { cpuSeconds: null }],
  })
})

test('a counter that was reset continues from zero', () => {
  const samples = [1, 4, 5, 0.5, 2].map((value, i) => [i, value] as const)
  expect(growth(samples, false)).toBe(4 + 2)
  expect(growth(samples, true)).toBe(5 + 2)
  expect(growth([], true)).toBeNull()
})
