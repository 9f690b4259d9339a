import { describe, expect, test } from 'vitest'
import type { DemoEvent, EventBody } from '../core/events.ts'
import { cueFaults } from './captions.ts'
import { checksumOf } from './checksum.ts'
import { lateChanges, planOf } from './film.ts'
import { filmSeconds } from './timeline.ts'

const beganAt = 1_795_000_000_000
const event = (seconds: number, body: EventBody) => ({ at: beganAt + seconds * 1000, seconds, ...body }) as DemoEvent
const say = (seconds: number, text: string) => event(seconds, { kind: 'say', text, numbers: {} })

const events = [
  event(4, { kind: 'scene', name: 'surge', title: 'A surge', on: 'embedded', seed: 1, timeScale: 5 }),
  say(5, 'Two replicas, and no sockets yet.'),
  event(60, { kind: 'load', sockets: 500, text: 'load: 500 sockets' }),
  say(61, 'Now the sockets open, and the scaler computes the average for each replica.'),
  event(200, { kind: 'still', name: 'poster' }),
  say(200.1, 'This is the maximum number of replicas.'),
  event(290, { kind: 'end', verdict: 'passed', text: 'every fact was met' }),
]
const recorded = { beganAt, endedAt: beganAt + 300_000, events }

describe('a plan', () => {
  const plan = planOf(recorded)

  test('shortens five minutes, and labels the faster stretches', () => {
    expect(filmSeconds(plan.segments)).toBeLessThan(60)
    expect(filmSeconds(plan.segments)).toBeGreaterThan(25)
    expect(plan.labels.length).toBeGreaterThan(2)
    for (const { text } of plan.labels) expect(text).toMatch(/^×\d+ faster$/)
  })

  test('is never silent for more than a few seconds between the cards', () => {
    for (const [index, { end }] of plan.cues.slice(0, -1).entries()) expect((plan.cues[index + 1]?.start ?? 0) - end).toBeLessThan(6)
  })

  test('leaves each narration the time that it takes', () => {
    const spoken = planOf(recorded, [9, 1, 6])
    const starts = [0, 1, 2].map((index) => spoken.cues.find(({ said }) => said === index)?.start ?? 0)
    expect((starts[1] ?? 0) - (starts[0] ?? 0)).toBeGreaterThanOrEqual(9)
    expect(filmSeconds(spoken.segments) - (starts[2] ?? 0)).toBeGreaterThanOrEqual(6)
    expect(cueFaults(spoken.cues)).toEqual([])
  })

  test('follows the caption rules', () => {
    expect(cueFaults(plan.cues)).toEqual([])
  })

  test('gives each still the moment at which the film shows it', () => {
    const [still] = plan.stills
    expect(still?.name).toBe('poster')
    expect(still?.at).toBeGreaterThan((plan.cues.at(-1)?.start ?? 0) - 0.2)
    expect(still?.at).toBeLessThan(plan.cues.at(-1)?.start ?? 0)
  })
})

describe('a recording with captions that follow too quickly', () => {
  const text = 'Many words, one after the other, too many to be read at once.'
  const plan = (seconds: readonly number[]) => planOf({ beganAt, endedAt: beganAt + 60_000, events: seconds.map((at) => say(at, text)) })

  test('is slowed down, and its captions are shown in time', () => {
    const { labels, cues, late, segments } = plan([10, 12, 14, 16])
    for (const label of labels) expect(label.text).toMatch(/^×\d(\.\d)? slower$|^picture held$|^×\d+ faster$/)
    expect(labels.length).toBeGreaterThan(0)
    expect(cueFaults(cues)).toEqual([])
    expect(late).toEqual([])
    expect(filmSeconds(segments)).toBeGreaterThan(4 * 4)
  })

  test('is slowed down at the end as well, so that the film outlasts its last caption', () => {
    const { cues, segments } = planOf({ beganAt, endedAt: beganAt + 12_000, events: [say(10, text)] })
    expect(filmSeconds(segments)).toBeGreaterThanOrEqual((cues.at(-1)?.end ?? 99) + 0.5)
  })
})

test('a change that no picture shows soon is reported', () => {
  const pictures = [{ at: beganAt }, { at: beganAt + 60_500 }, { at: beganAt + 70_000 }]
  expect(lateChanges({ events }, pictures)).toEqual([])
  expect(lateChanges({ events }, pictures.slice(0, 1))).toEqual([
    expect.stringMatching(/^the first picture after "load: 500 sockets" came Infinity s later, allowed are 2$/),
  ])
  expect(lateChanges({ events }, pictures.toSpliced(1, 1))).toEqual([expect.stringContaining('came 10.0 s later')])
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
