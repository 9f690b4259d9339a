import { loadMetrics, prometheusName, trendStats } from '@lab/contract/load-metrics.ts'
import { createRandom } from '@lab/contract/random.ts'
import type { ScenarioName } from '@lab/k6/lib/scenarios.ts'
import { changedCurve, curveLengthMs, curveOf, ordinary, type Point, roomOf, scenarios, slotIntervals } from '@lab/k6/lib/scenarios.ts'
import { readSettings } from '@lab/k6/lib/settings.ts'
import type { SummaryData } from '@lab/k6/lib/summary.ts'
import { jsonSummary, textSummary } from '@lab/k6/lib/summary.ts'
import { heldThresholds, thresholdsFor } from '@lab/k6/lib/thresholds.ts'
import { describe, expect, test } from 'vitest'
import { read } from './lib/repo-files.ts'

/** Returns how many sockets a scenario has open at a given time, in seconds. */
function levelAt(name: ScenarioName, short: boolean, atSeconds: number): number {
  const { sockets, short: shortStages, stages } = scenarios[name]
  const curve = curveOf(short ? shortStages : stages, sockets)
  const slots = Array.from({ length: sockets }, (_, index) => slotIntervals(curve, index))
  return slots.filter((uses) => uses.some(({ openAtMs, closeAtMs }) => openAtMs <= atSeconds * 1000 && atSeconds * 1000 < closeAtMs)).length
}

function settingsFor(env: Record<string, string>) {
  const read = readSettings(env, 7)
  if (!read.ok) throw new Error(read.problems.join('; '))
  return read.value
}

function problemsFor(env: Record<string, string>): readonly string[] {
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

  test.each(Object.keys(scenarios) as ScenarioName[])('%s reaches its peak, ends with no sockets, and is shorter with SHORT', (name) => {
    const { sockets, stages, short } = scenarios[name]
    for (const curve of [stages, short]) {
      const intervals = Array.from({ length: sockets }, (_, index) => slotIntervals(curveOf(curve, sockets), index)).flat()
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

test('docs/load.md lists every scenario with its purpose', () => {
  const [, table = ''] = /^\| scenario \| what \|\n\| --- \| --- \|\n((?:\|.*\n)+)/m.exec(read('docs/load.md')) ?? []
  const rows = table.trimEnd().split('\n')
  expect(rows).toEqual(Object.entries(scenarios).map(([name, { purpose }]) => `| \`${name}\` | ${purpose} |`))
})

test('k6 sends the statistics that the contract lists, which include those of public dashboards', () => {
  expect(read('compose.yaml')).toContain(`K6_PROMETHEUS_RW_TREND_STATS: ${trendStats.join(',')}\n`)
  expect(trendStats).toEqual(expect.arrayContaining(['avg', 'min', 'p(90)', 'p(95)', 'p(99)', 'max']))
})

describe('rooms', () => {
  /** Returns the number of sockets that a scenario opens in each of its rooms. */
  function membersByRoom(name: ScenarioName): number[] {
    const { sockets, rooms } = settingsFor({ SCENARIO: name })
    const members: number[] = []
    for (let index = 0; index < sockets; index++) {
      const room = roomOf(index, rooms)
      if (room !== undefined) members[room] = (members[room] ?? 0) + 1
    }
    return members
  }

  test('a normal load puts every fifth socket into a room of ten', () => {
    expect(membersByRoom('default')).toEqual(Array.from({ length: 6 }, () => 10))
  })

  test('the scenario rooms puts every socket into a room of ten, and sends all messages there', () => {
    expect(membersByRoom('rooms')).toEqual(Array.from({ length: 50 }, () => 10))
    expect(settingsFor({ SCENARIO: 'rooms' }).rooms.share).toBe(1)
  })
})

describe('settings', () => {
  test('a scenario can set the number of sockets per virtual user: five workers have 500 each', () => {
    const { sockets, socketsPerVu } = settingsFor({ SCENARIO: 'workers' })
    expect({ sockets, socketsPerVu }).toEqual({ sockets: 5 * 500, socketsPerVu: 500 })
    expect(settingsFor({ SCENARIO: 'workers', SOCKETS_PER_VU: '100' }).socketsPerVu).toBe(100)
    expect(settingsFor({}).socketsPerVu).toBe(ordinary.socketsPerVu)
  })

  test('DURATION stretches the load curve proportionally', () => {
    const stages = settingsFor({ DURATION: '120' }).stages
    expect(stages.map(({ seconds }) => seconds)).toEqual([20, 90, 10])
  })

  test('the entry can be an http URL', () => {
    expect(settingsFor({ TARGET: 'http://traefik:8001/' }).target).toBe('ws://traefik:8001')
    expect(settingsFor({ TARGET: 'https://lab.localhost:8443' }).target).toBe('wss://lab.localhost:8443')
  })

  test('all invalid settings are reported together, with the allowed values', () => {
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

test('a seed repeats the random numbers, which differ between slots', () => {
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

test('the names in Prometheus are those that k6 sends', () => {
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

  test('a missed threshold appears in the text and in the JSON', () => {
    expect(textSummary(data(false), settingsFor({}), 'x.json')).toContain('MISSED  lab_message_rtt p(95)<1000')
    expect(JSON.parse(jsonSummary(data(false), settingsFor({})))).toMatchObject({ passed: false, seed: 7, durationSeconds: 8 })
    expect(JSON.parse(jsonSummary(data(true), settingsFor({})))).toMatchObject({ passed: true })
  })

  test('an interrupted run is marked next to its thresholds', () => {
    const settings = settingsFor({ DURATION: '60' })
    expect(textSummary(data(true), settings, 'x.json')).toContain(
      'Ended early, after 8 of 60 s: the figures cover this part only. All thresh',
    )
    expect(textSummary(data(true), settingsFor({ DURATION: '8' }), 'x.json')).not.toContain('Ended early')
  })

  test('a trend without samples shows no value instead of zero', () => {
    expect(textSummary(data(true), settingsFor({}), 'x.json')).toMatch(/connect +none/)
  })

  test('a run without thresholds has not passed', () => {
    const nothing = { state: { testRunDurationMs: 0 }, metrics: {} }
    expect(JSON.parse(jsonSummary(nothing, settingsFor({})))).toMatchObject({ passed: false })
  })

  test('a run that holds its sockets fails if one of them is opened again', () => {
    expect(heldThresholds(10_000)).toMatchObject({ lab_sockets_opened: ['count==10000'], lab_connect_success: ['rate>0.95'] })
    const { held, socketsPerVu } = settingsFor({ SCENARIO: 'held' })
    expect({ held, socketsPerVu, others: settingsFor({}).held }).toEqual({ held: true, socketsPerVu: 100, others: false })
  })

  test('the thresholds fail a run without any connection', () => {
    expect(thresholdsFor(300)).toMatchObject({ lab_sockets_opened: ['count>=285'], lab_messages_answered: ['count>0'] })
  })
})

describe('a change of the number of sockets', () => {
  const { sockets, stages } = scenarios.default
  const changed = (to: number, atMs: number) => changedCurve(curveOf(stages, sockets), { sockets: to, atMs }, 4000)
  const openAt = (curve: readonly Point[], atSeconds: number) =>
    Array.from({ length: 3000 }, (_, index) => slotIntervals(curve, index)).filter((periods) =>
      periods.some(({ openAtMs, closeAtMs }) => openAtMs <= atSeconds * 1000 && atSeconds * 1000 < closeAtMs),
    ).length

  test.each([
    [3000, 20_000, [300, 1650, 3000, 3000, 1500]],
    [0, 20_000, [300, 150, 0, 0, 0]],
    [100, 20_000, [300, 200, 100, 100, 50]],
  ])('to %i is spread over four seconds, lasts until the final descent, and ends with no sockets', (to, atMs, expected) => {
    const curve = changed(to, atMs)
    expect([19.9, 22, 24.1, 54.9, 57.5].map((second) => openAt(curve, second))).toEqual(expected)
    expect(curve.at(-1)).toEqual({ atMs: 60_000, sockets: 0 })
  })

  test('during the rise and during an earlier change, starts from the number that is open at that time', () => {
    expect(openAt(changed(3000, 5000), 5)).toBe(150)
    const twice = changedCurve(changed(3000, 20_000), { sockets: 300, atMs: 22_000 }, 4000)
    expect([22, 24, 26.1].map((second) => openAt(twice, second))).toEqual([1650, 975, 300])
  })

  test('during the final descent has no effect', () => {
    expect(changed(3000, 56_000)).toEqual(curveOf(stages, sockets))
  })
})
