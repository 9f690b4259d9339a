import { describe, expect, test } from 'vitest'
import { loadMetrics, prometheusName } from '../../contract/src/load-metrics.ts'
import { createRandom } from '../../k6/lib/random.ts'
import type { ScenarioName } from '../../k6/lib/scenarios.ts'
import { curveLengthMs, ordinary, roomOf, scenarios, slotIntervals } from '../../k6/lib/scenarios.ts'
import { readSettings } from '../../k6/lib/settings.ts'
import type { SummaryData } from '../../k6/lib/summary.ts'
import { jsonSummary, textSummary } from '../../k6/lib/summary.ts'
import { thresholdsFor } from '../../k6/lib/thresholds.ts'
import { read } from './lib/repo-files.ts'

/** How many of the slots are in use at a moment. */
function levelAt(name: ScenarioName, short: boolean, atSeconds: number): number {
  const { sockets, short: shortStages, stages } = scenarios[name]
  const slots = Array.from({ length: sockets }, (_, index) => slotIntervals(short ? shortStages : stages, sockets, index))
  return slots.filter((uses) => uses.some(({ openAtMs, closeAtMs }) => openAtMs <= atSeconds * 1000 && atSeconds * 1000 < closeAtMs)).length
}

function settingsFor(env: Record<string, string>) {
  const read = readSettings(env, 7)
  if (!read.ok) throw new Error(read.problems.join('; '))
  return read.settings
}

function problemsFor(env: Record<string, string>): string[] {
  const read = readSettings(env, 7)
  return read.ok ? [] : read.problems
}

describe('load curves', () => {
  test.each<[ScenarioName, number, number]>([
    ['default', 0, 0],
    ['default', 5, 150],
    ['default', 30, 300],
    ['ramp', 90, 500],
    ['stress', 400, 2000],
    ['spike', 20, 500],
    ['spike', 45, 2750],
    ['spike', 80, 5000],
    ['spike', 130, 500],
    ['soak', 1800, 500],
    ['workers', 30, 2500],
    ['workers', 320, 2500],
  ])('%s at second %d has %d sockets open', (name, second, level) => {
    expect(Math.abs(levelAt(name, false, second) - level)).toBeLessThanOrEqual(1)
  })

  test.each(Object.keys(scenarios) as ScenarioName[])('%s reaches its peak, ends at nothing, and is shorter with SHORT', (name) => {
    const { sockets, stages, short } = scenarios[name]
    for (const curve of [stages, short]) {
      const intervals = Array.from({ length: sockets }, (_, index) => slotIntervals(curve, sockets, index)).flat()
      expect(Math.max(...curve.map(({ share }) => share))).toBe(1)
      expect(intervals.length).toBeGreaterThanOrEqual(sockets)
      for (const { openAtMs, closeAtMs } of intervals) {
        expect(openAtMs).toBeGreaterThanOrEqual(0)
        expect(closeAtMs).toBeGreaterThan(openAtMs)
        expect(closeAtMs).toBeLessThanOrEqual(curveLengthMs(curve))
      }
    }
    expect(curveLengthMs(short)).toBeLessThan(curveLengthMs(stages))
  })

  test('the default lasts one minute and has 300 sockets', () => {
    const { scenario, sockets, stages } = settingsFor({})
    expect({ scenario, sockets, lengthMs: curveLengthMs(stages) }).toEqual({ scenario: 'default', sockets: 300, lengthMs: 60_000 })
  })
})

test('the README lists every scenario in its words', () => {
  const [, table = ''] = /^\| scenario \| what \|\n\| --- \| --- \|\n((?:\|.*\n)+)/m.exec(read('README.md')) ?? []
  const rows = table.trimEnd().split('\n')
  expect(rows).toEqual(Object.entries(scenarios).map(([name, { purpose }]) => `| \`${name}\` | ${purpose} |`))
})

describe('rooms', () => {
  /** How many sockets of a scenario are in each room. */
  function membersByRoom(name: ScenarioName): number[] {
    const { sockets, rooms } = settingsFor({ SCENARIO: name })
    const members: number[] = []
    for (let index = 0; index < sockets; index++) {
      const room = roomOf(index, rooms)
      if (room !== undefined) members[room] = (members[room] ?? 0) + 1
    }
    return members
  }

  test('an ordinary load has every fifth socket in one of ten', () => {
    expect(membersByRoom('default')).toEqual(Array.from({ length: 6 }, () => 10))
  })

  test('the scenario rooms has every socket in one of ten, and says all it says there', () => {
    expect(membersByRoom('rooms')).toEqual(Array.from({ length: 50 }, () => 10))
    expect(settingsFor({ SCENARIO: 'rooms' }).rooms.share).toBe(1)
  })
})

describe('settings', () => {
  test('a scenario may say how many sockets a virtual user holds: five workers have 500 each', () => {
    const { sockets, socketsPerVu } = settingsFor({ SCENARIO: 'workers' })
    expect({ sockets, socketsPerVu }).toEqual({ sockets: 5 * 500, socketsPerVu: 500 })
    expect(settingsFor({ SCENARIO: 'workers', SOCKETS_PER_VU: '100' }).socketsPerVu).toBe(100)
    expect(settingsFor({}).socketsPerVu).toBe(ordinary.socketsPerVu)
  })

  test('DURATION stretches the curve and keeps its shape', () => {
    const stages = settingsFor({ DURATION: '120' }).stages
    expect(stages.map(({ seconds }) => seconds)).toEqual([20, 90, 10])
  })

  test('the entry may be named by http as well', () => {
    expect(settingsFor({ TARGET: 'http://traefik:8001/' }).target).toBe('ws://traefik:8001')
    expect(settingsFor({ TARGET: 'https://lab.localhost:8443' }).target).toBe('wss://lab.localhost:8443')
  })

  test('every mistake is named at once, with what is allowed', () => {
    const problems = problemsFor({ SCENARIO: 'smok', SHORT: 'yes', TARGET: 'traefik', SOCKETS: '0', DURATION: '1.5', SEED: '-1' })
    expect(problems).toEqual([
      `SCENARIO is "smok"; allowed: ${Object.keys(scenarios).join(', ')}`,
      'SHORT is "yes"; allowed: 1 or 0',
      'TARGET is "traefik"; allowed: ws://HOST:PORT, wss://, http:// or https://, without a path',
      'SOCKETS is "0"; allowed: a whole number from 1 to 20000',
      'SEED is "-1"; allowed: a whole number from 0 to 4294967295',
      'DURATION is "1.5"; allowed: a whole number from 5 to 86400 seconds',
    ])
  })

  test.each(['toString', '__proto__', ' smoke'])('%j is no scenario', (name) => {
    expect(problemsFor({ SCENARIO: name })).toHaveLength(1)
  })
})

test('a seed gives the same numbers again, and each slot its own', () => {
  const numbers = (seed: number, slot: number) => {
    const random = createRandom(seed, slot)
    return Array.from({ length: 50 }, () => random.between(0, 1000))
  }
  expect(numbers(7, 0)).toEqual(numbers(7, 0))
  expect(numbers(7, 0)).not.toEqual(numbers(7, 1))
  expect(numbers(8, 0)).not.toEqual(numbers(7, 0))
  const mean =
    Array.from({ length: 200 }, (_, slot) => numbers(7, slot))
      .flat()
      .reduce((sum, value) => sum + value, 0) / 10_000
  expect(mean).toBeGreaterThan(480)
  expect(mean).toBeLessThan(520)
})

test('metrics are called in Prometheus as k6 sends them', () => {
  expect(prometheusName(loadMetrics.messageRtt, 'p(95)')).toBe('k6_lab_message_rtt_p95')
  expect(prometheusName(loadMetrics.messageRtt, 'max')).toBe('k6_lab_message_rtt_max')
  expect(prometheusName(loadMetrics.connectSuccess)).toBe('k6_lab_connect_success_rate')
  expect(prometheusName(loadMetrics.socketsOpened)).toBe('k6_lab_sockets_opened_total')
  expect(() => prometheusName(loadMetrics.messageRtt)).toThrow('lab_message_rtt is a trend')
})

describe('summary', () => {
  const values = { count: 10, med: 1, 'p(95)': 2, 'p(99)': 3, max: 4 }
  const data = (ok: boolean): SummaryData => ({
    state: { testRunDurationMs: 8000 },
    metrics: {
      [loadMetrics.messageRtt.name]: { values, thresholds: { 'p(95)<1000': { ok } } },
      [loadMetrics.connectTime.name]: { values: { ...values, count: 0 } },
    },
  })

  test('a missed threshold shows in both', () => {
    expect(textSummary(data(false), settingsFor({}), 'x.json')).toContain('MISSED  lab_message_rtt p(95)<1000')
    expect(JSON.parse(jsonSummary(data(false), settingsFor({})))).toMatchObject({ passed: false, seed: 7, durationSeconds: 8 })
    expect(JSON.parse(jsonSummary(data(true), settingsFor({})))).toMatchObject({ passed: true })
  })

  test('a trend without samples says none, not zero', () => {
    expect(textSummary(data(true), settingsFor({}), 'x.json')).toMatch(/connect +none/)
  })

  test('a run without any verdict has not passed', () => {
    const nothing = { state: { testRunDurationMs: 0 }, metrics: {} }
    expect(JSON.parse(jsonSummary(nothing, settingsFor({})))).toMatchObject({ passed: false })
  })

  test('thresholds fail a run in which nothing connected', () => {
    expect(thresholdsFor(300)).toMatchObject({ lab_sockets_opened: ['count>=285'], lab_messages_answered: ['count>0'] })
  })
})
