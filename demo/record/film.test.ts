import { describe, expect, test } from 'vitest'
import type { DemoEvent, EventBody } from '../core/events.ts'
import { cueFaults } from './captions.ts'
import { checksumOf } from './checksum.ts'
import { planOf } from './film.ts'
import { filmSeconds } from './timeline.ts'

const beganAt = 1_795_000_000_000
const event = (seconds: number, body: EventBody) => ({ at: beganAt + seconds * 1000, seconds, ...body }) as DemoEvent
const say = (seconds: number, text: string) => event(seconds, { kind: 'say', text, numbers: {} })

const events = [
  event(4, { kind: 'scene', name: 'surge', title: 'A surge', surface: 'embedded', seed: 1, timeScale: 5 }),
  say(5, 'Two replicas, and nobody there yet.'),
  event(60, { kind: 'load', sockets: 500, text: 'load: 500 sockets' }),
  say(61, 'Now the sockets come, and the scaler will see what that is for each replica.'),
  event(200, { kind: 'still', name: 'at-maximum' }),
  say(200.1, 'This is as many as there may be.'),
  event(290, { kind: 'end', verdict: 'passed', text: 'every fact was met' }),
]
const recorded = { beganAt, endedAt: beganAt + 300_000, events }

describe('a plan', () => {
  const plan = planOf(recorded)

  test('makes five minutes short enough, and says how', () => {
    expect(filmSeconds(plan.segments)).toBeLessThan(180)
    expect(filmSeconds(plan.segments)).toBeGreaterThan(120)
    expect([...new Set(plan.labels.map(({ text }) => text))]).toEqual(['×2 faster'])
  })

  test('keeps the rules of captions, and no caption is in a stretch that goes faster', () => {
    expect(cueFaults(plan.cues)).toEqual([])
    for (const { start, end } of plan.cues)
      for (const label of plan.labels) expect(start >= label.end - 0.05 || end <= label.start + 0.05).toBe(true)
  })

  test('a still has the moment at which the film shows it', () => {
    const [still] = plan.stills
    expect(still?.name).toBe('at-maximum')
    expect(still?.at).toBeGreaterThan((plan.cues.at(-1)?.start ?? 0) - 0.2)
    expect(still?.at).toBeLessThan(plan.cues.at(-1)?.start ?? 0)
  })
})

describe('what is said quicker than it can be read', () => {
  const text = 'Many words, one after the other, that nobody can read at once.'
  const plan = (seconds: readonly number[]) => planOf({ beganAt, endedAt: beganAt + 60_000, events: seconds.map((at) => say(at, text)) })

  test('is slowed, and its captions come in time', () => {
    const { labels, cues, late, segments } = plan([10, 12, 14, 16])
    for (const label of labels) expect(label.text).toMatch(/^×\d(\.5)? slower$/)
    expect(labels.length).toBeGreaterThan(0)
    expect(cueFaults(cues)).toEqual([])
    expect(late).toEqual([])
    expect(filmSeconds(segments)).toBeGreaterThan(64)
  })

  test('is slowed at the end, too: the film is longer than its last caption', () => {
    const { cues, segments } = planOf({ beganAt, endedAt: beganAt + 12_000, events: [say(10, text)] })
    expect(filmSeconds(segments)).toBeGreaterThanOrEqual((cues.at(-1)?.end ?? 99) + 0.5)
  })

  test('is a fault where that does not help', () => {
    expect(plan([10, 10.1, 10.2, 10.3]).late).toEqual([
      expect.stringMatching(/^a caption comes \d+\.\d s late, allowed are 6: Many words/),
      expect.stringMatching(/^a caption comes 1\d\.\d s late/),
    ])
  })
})

test('the checksum changes with a script or its name, not with their order', () => {
  const [a, b] = [
    { name: 'a.ts', text: 'x' },
    { name: 'b.ts', text: 'y' },
  ]
  expect(checksumOf([a, b])).toBe(checksumOf([b, a]))
  expect(checksumOf([a, b])).toMatch(/^sha256:[0-9a-f]{64}$/)
  expect(checksumOf([a, { ...b, text: 'z' }])).not.toBe(checksumOf([a, b]))
  expect(checksumOf([a, { ...b, name: 'c.ts' }])).not.toBe(checksumOf([a, b]))
})
