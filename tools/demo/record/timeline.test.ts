import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { Span } from './timeline.ts'
import {
  filmSeconds,
  filmTime,
  joined,
  merged,
  paced,
  paceLabels,
  recordedTime,
  segmentsOf,
  shownPictures,
  silentSeconds,
} from './timeline.ts'

const span = fc
  .record({ from: fc.double({ min: 0, max: 300, noNaN: true }), lasts: fc.double({ min: 0, max: 30, noNaN: true }) })
  .map(({ from, lasts }) => ({ from, to: from + lasts }))
/** Creates test segments: the first third of the recording is slowed down, and the rest is sped up except for the given spans. */
const mixed = (length: number, ownPace: readonly Span[]) =>
  joined([...paced({ from: 0, to: length / 3 }, length, []), ...segmentsOf({ from: length / 3, to: length }, ownPace, 4)])
const recording = fc.record({ length: fc.double({ min: 1, max: 300, noNaN: true }), ownPace: fc.array(span, { maxLength: 15 }) })

describe('segments', () => {
  test('cover the recording without a gap, and never speed up a span that is shown in real time', () => {
    fc.assert(
      fc.property(recording, fc.constantFrom(2, 4, 8), ({ length, ownPace }, factor) => {
        const segments = segmentsOf({ from: 0, to: length }, ownPace, factor)
        expect(segments[0]?.from).toBe(0)
        expect(segments.at(-1)?.to).toBe(length)
        for (const [index, { from }] of segments.slice(1).entries()) expect(from).toBe(segments[index]?.to)
        const fast = segments.filter((segment) => segment.factor > 1)
        for (const { from, to } of fast) {
          expect(to - from).toBeGreaterThanOrEqual(1)
          for (const one of merged(ownPace)) expect(one.from >= to || one.to <= from).toBe(true)
        }
      }),
    )
  })

  test('filmTime is monotonic, and recordedTime is its inverse', () => {
    fc.assert(
      fc.property(
        recording,
        fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { minLength: 2, maxLength: 20 }),
        ({ length, ownPace }, parts) => {
          const segments = mixed(length, ownPace)
          const moments = parts.map((part) => part * length).toSorted((a, b) => a - b)
          const films = moments.map((moment) => filmTime(segments, moment))
          for (const [index, film] of films.slice(1).entries()) expect(film).toBeGreaterThanOrEqual(films[index] ?? 0)
          for (const [index, film] of films.entries()) expect(recordedTime(segments, film)).toBeCloseTo(moments[index] ?? 0, 6)
          expect(filmTime(segments, length)).toBeCloseTo(filmSeconds(segments), 6)
        },
      ),
    )
  })

  test('a stretch that is too short for its caption is slowed until the caption can be read', () => {
    expect(paced({ from: 2, to: 4 }, 4, [])).toEqual([{ from: 2, to: 4, factor: 1 / 2 }])
    expect(paced({ from: 2, to: 2 }, 1, [])).toEqual([])
  })

  test('after a caption, the film is silent for at most the allowed time, however long the lab needs', () => {
    expect(paced({ from: 0, to: 104 }, 4, [])).toEqual([
      { from: 0, to: 4, factor: 1 },
      { from: 4, to: 104, factor: 67 },
    ])
    fc.assert(
      fc.property(fc.double({ min: 1, max: 600, noNaN: true }), fc.double({ min: 0, max: 7, noNaN: true }), (length, reading) => {
        expect(filmSeconds(paced({ from: 0, to: length }, reading, []))).toBeLessThanOrEqual(reading + silentSeconds + 1e-6)
      }),
    )
  })

  test('a part of a recording begins and ends as requested, even if a real-time span exceeds it', () => {
    expect(
      segmentsOf(
        { from: 10, to: 30 },
        [
          { from: 0, to: 12 },
          { from: 28, to: 50 },
        ],
        4,
      ),
    ).toEqual([
      { from: 10, to: 12, factor: 1 },
      { from: 12, to: 28, factor: 4 },
      { from: 28, to: 30, factor: 1 },
    ])
  })
})

describe('pictures', () => {
  test('fill the film exactly, in whole frames and in order', () => {
    const times = fc.array(fc.double({ min: 0, max: 300, noNaN: true }), { minLength: 1, maxLength: 200 })
    fc.assert(
      fc.property(recording, times, ({ length, ownPace }, given) => {
        const segments = mixed(length, ownPace)
        const sorted = given.toSorted((a, b) => a - b)
        const shown = shownPictures(sorted, segments)
        const total = shown.reduce((sum, { seconds }) => sum + seconds, 0)
        expect(total).toBeCloseTo(Math.round(filmSeconds(segments) * 12.5) / 12.5, 6)
        for (const [index, { picture }] of shown.slice(1).entries()) expect(picture).toBeGreaterThan(shown[index]?.picture ?? 0)
      }),
      { numRuns: 40 },
    )
  })

  test('are each shown from their own moment on', () => {
    const segments = segmentsOf({ from: 0, to: 8 }, [{ from: 0, to: 4 }], 4)
    expect(shownPictures([0, 0.8, 4, 6], segments)).toEqual([
      { picture: 0, seconds: 0.8 },
      { picture: 1, seconds: 3.2 },
      { picture: 2, seconds: 0.48 },
      { picture: 3, seconds: 0.56 },
    ])
  })
})

test('faster and slower stretches have labels', () => {
  const segments = [
    { from: 0, to: 4, factor: 1 },
    { from: 4, to: 12, factor: 4 },
    { from: 12, to: 14, factor: 2 / 3 },
    { from: 14, to: 14.1, factor: 0.025 },
  ]
  expect(paceLabels(segments)).toEqual([
    { start: 4, end: 6, text: '×4 faster' },
    { start: 6, end: 9.04, text: '×1.5 slower' },
    { start: 9.04, end: 12.96, text: 'picture held' },
  ])
})
