/** The reconnect storm's arithmetic: what k6 counted, by the second, and how two storms compare. */
import { describe, expect, test } from 'vitest'
import { stormMetrics, stormSeconds } from '../../contract/src/storm-metrics.ts'
import { readSettings } from '../../k6/lib/settings.ts'
import { type Storm, stormOf, stormText, stormThresholds } from '../../k6/lib/storm-summary.ts'
import { compare, comparisonText } from '../../scripts/storm/compare.ts'

/** k6's summary of a storm with these dials per second, each of which connects. */
function summary(dials: number[], lost: number) {
  const bySecond = (name: string) => dials.map((count, second) => [`${name}{second:${second}}`, { values: { count } }])
  return {
    state: { testRunDurationMs: 40_000 },
    metrics: {
      ...Object.fromEntries([...bySecond(stormMetrics.dials.name), ...bySecond(stormMetrics.connects.name)]),
      [stormMetrics.lost.name]: { values: { count: lost } },
      [stormMetrics.back.name]: { values: { count: lost, med: 400, 'p(99)': 2500, max: 3000 } },
    },
  }
}

const calm = { down: [], asked: 60, notReady: 0 }
const storm = (clients: Storm['clients'], dials: number[], lost = 2000) => stormOf(summary(dials, lost), { clients, sockets: 2400 }, 'ws-3')
const naive = { ...storm('naive', [1900, 300]), damage: { ...calm, notReady: 4 } }
const jittered = { ...storm('jittered', [90, 110, 80]), damage: calm }

describe('what k6 counted', () => {
  test('has a number for every second, and a threshold that makes k6 keep it', () => {
    const { dialsPerSecond, lost, back, backMs } = storm('naive', [1900, 300])
    expect(dialsPerSecond).toHaveLength(stormSeconds)
    expect(dialsPerSecond.slice(0, 3)).toEqual([1900, 300, 0])
    expect({ lost, back, backMs }).toEqual({ lost: 2000, back: 2000, backMs: { p50: 400, p99: 2500, max: 3000 } })
    const thresholds = Object.keys(stormThresholds(2400))
    for (let second = 0; second < stormSeconds; second++) expect(thresholds).toContain(`${stormMetrics.dials.name}{second:${second}}`)
  })

  test('fails the run when no replica died', () => {
    expect(stormThresholds(2000)[stormMetrics.lost.name]).toEqual(['count>=1600'])
    expect(stormText(storm('naive', [], 0), 'x.json')).toContain('did not die')
  })

  test('is shown up to the last second in which anybody dialled', () => {
    const text = stormText(storm('naive', [1900, 300]), 'x.json')
    expect(text).toMatch(/^ {7}0 {4}1900 {6}1900 {2}#{40}$/m)
    expect(text).toMatch(/^ {7}1 {5}300/m)
    expect(text).not.toMatch(/^ {7}2 /m)
  })
})

describe('two storms', () => {
  test('pass when the peak falls five times, everybody is back and nothing went down', () => {
    const comparison = compare(2000, naive, jittered)
    expect(comparison.peakRatio).toBeCloseTo(1900 / 110)
    expect(comparison.problems).toEqual([])
    expect(comparisonText(comparison)).toContain('The peak falls by 17.3 times.\nTraefik and the other replicas stayed up.')
  })

  test.each([
    ['the peak falls less', compare(2000, naive, { ...storm('jittered', [400, 1600]), damage: calm }), /peak falls to 0\.84/],
    ['too few were there', compare(3000, naive, jittered), /naive: ws-3 died with 2000 sockets; wanted 3000/],
    ['some stay away', compare(2000, naive, { ...jittered, back: 1900 }), /jittered: 1900 of 2000 came back/],
    [
      'the router restarted',
      compare(2000, { ...naive, damage: { ...calm, down: ['lab-traefik-1 is exited'] } }, jittered),
      /traefik-1 is exited/,
    ],
    ['jittered clients are felt', compare(2000, naive, { ...jittered, damage: { ...calm, notReady: 1 } }), /not ready 1 of 60/],
    ['nobody came', compare(2000, naive, { ...storm('jittered', []), damage: calm }), /wanted 1\/5/],
  ])('fail when %s', (_, { problems }, expected) => {
    expect(problems.join('\n')).toMatch(expected)
  })
})

test('settings of the storm: jittered and any replica, unless told otherwise', () => {
  const read = (env: Record<string, string>) => {
    const result = readSettings(env, 1)
    return result.ok ? { clients: result.settings.clients, victim: result.settings.victim } : result.problems
  }
  expect(read({})).toEqual({ clients: 'jittered', victim: '' })
  expect(read({ CLIENTS: 'naive', VICTIM: 'ws-2' })).toEqual({ clients: 'naive', victim: 'ws-2' })
  expect(read({ CLIENTS: 'calm', VICTIM: 'ws 2' })).toEqual([
    'CLIENTS is "calm"; allowed: naive, jittered',
    'VICTIM is "ws 2"; allowed: the name of a replica, as in ws-1',
  ])
})
