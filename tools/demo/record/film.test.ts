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
  event(4, { kind: 'scene', name: 'surge', title: 'A surge', on: 'embedded', seed: 1, timeScale: 5 }),
  say(5, 'Two replicas, and no sockets yet.'),
  event(60, { kind: 'load', sockets: 500, text: 'load: 500 sockets' }),
  say(61, 'Now the sockets open, and the scaler computes the average for each replica.'),
  event(200, { kind: 'still', name: 'at-maximum' }),
  say(200.1, 'This is the maximum number of replicas.'),
  event(290, { kind: 'end', verdict: 'passed', text: 'every fact was met' }),
]
const recorded = { beganAt, endedAt: beganAt + 300_000, events }

describe('a plan', () => {
  const plan = planOf(recorded)

  test('shortens five minutes to the allowed length, and labels the faster stretches', () => {
    expect(filmSeconds(plan.segments)).toBeLessThan(180)
    expect(filmSeconds(plan.segments)).toBeGreaterThan(120)
    expect([...new Set(plan.labels.map(({ text }) => text))]).toEqual(['×2 faster'])
  })

  test('follows the caption rules, and has no caption in a faster stretch', () => {
    expect(cueFaults(plan.cues)).toEqual([])
    for (const { start, end } of plan.cues)
      for (const label of plan.labels) expect(start >= label.end - 0.05 || end <= label.start + 0.05).toBe(true)
  })

  test('gives each still the moment at which the film shows it', () => {
    const [still] = plan.stills
    expect(still?.name).toBe('at-maximum')
    expect(still?.at).toBeGreaterThan((plan.cues.at(-1)?.start ?? 0) - 0.2)
    expect(still?.at).toBeLessThan(plan.cues.at(-1)?.start ?? 0)
  })
})

describe('a recording with captions that follow too quickly', () => {
  const text = 'Many words, one after the other, too many to be read at once.'
  const plan = (seconds: readonly number[]) => planOf({ beganAt, endedAt: beganAt + 60_000, events: seconds.map((at) => say(at, text)) })

  test('is slowed down, and its captions are shown in time', () => {
    const { labels, cues, late, segments } = plan([10, 12, 14, 16])
    for (const label of labels) expect(label.text).toMatch(/^×\d(\.5)? slower$/)
    expect(labels.length).toBeGreaterThan(0)
    expect(cueFaults(cues)).toEqual([])
    expect(late).toEqual([])
    expect(filmSeconds(segments)).toBeGreaterThan(64)
  })

  test('is slowed down at the end as well, so that the film outlasts its last caption', () => {
    const { cues, segments } = planOf({ beganAt, endedAt: beganAt + 12_000, events: [say(10, text)] })
    expect(filmSeconds(segments)).toBeGreaterThanOrEqual((cues.at(-1)?.end ?? 99) + 0.5)
  })

  test('is reported when slowing down is not enough', () => {
    expect(plan([10, 10.1, 10.2, 10.3]).late).toEqual([
      expect.stringMatching(/^a caption is shown \d+\.\d s late, allowed are 6: Many words/),
      expect.stringMatching(/^a caption is shown 1\d\.\d s late/),
    ])
  })
})

test('the checksum depends on the scripts and their names, but not on their order', () => {
  const [a, b] = [
    { name: 'a.ts', text: 'x' },
    { name: 'b.ts', text: 'y' },
  ]
  expect(checksumOf([a, b])).toBe(checksumOf([b, a]))
  expect(checksumOf([a, b])).toMatch(/^sha256:[0-9a-f]{64}$/)
  expect(checksumOf([a, { ...b, text: 'z' }])).not.toBe(checksumOf([a, b]))
  expect(checksumOf([a, { ...b, name: 'c.ts' }])).not.toBe(checksumOf([a, b]))
})
