import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { blocksOf, captionRules, cueFaults, cuesOf, lengthOf, maxWords, wordsOf } from './captions.ts'

const word = fc.oneof(
  fc.string({ minLength: 1, maxLength: 12, unit: fc.constantFrom(...'abcdefgh0123456789ü–') }),
  fc.constantFrom('and', 'but', 'end.', 'clause,', 'so:', '1,000', '×4'),
  fc.string({ minLength: 40, maxLength: 130, unit: fc.constantFrom('x', 'y') }),
)
const text = fc.array(word, { minLength: 1, maxLength: 60 }).map((words) => words.join(' '))
const said = fc
  .array(fc.record({ seconds: fc.double({ min: 0, max: 30, noNaN: true }), text }), { maxLength: 12 })
  .map((list) => list.toSorted((a, b) => a.seconds - b.seconds))

describe('blocks', () => {
  test('contain every character, in order, within the limits of lines and words', () => {
    fc.assert(
      fc.property(text, (given) => {
        const blocks = blocksOf(given)
        expect(blocks.flat().join('').replaceAll(' ', '')).toBe(given.replaceAll(/\s/g, ''))
        for (const lines of blocks) {
          expect(lines.length).toBeLessThanOrEqual(2)
          for (const line of lines) expect(lengthOf(line)).toBeLessThanOrEqual(42)
          expect(lines.flatMap(wordsOf).length).toBeLessThanOrEqual(maxWords)
        }
      }),
    )
  })

  test.each([
    ['Two replicas hold 200 sockets.', [['Two replicas hold 200 sockets.']]],
    ['500 sockets are open; 2 replicas hold 250 each.', [['500 sockets are open;', '2 replicas hold 250 each.']]],
    [
      'The scaler sees 250 connections for each replica, asks for 5, and has them ready 3.2 s later; the new ones fill as clients come.',
      [
        ['The scaler sees 250 connections', 'for each replica, asks for 5,'],
        ['and has them ready 3.2 s later;', 'the new ones fill as clients come.'],
      ],
    ],
    ['', []],
  ])('%s', (given, expected) => {
    expect(blocksOf(given)).toEqual(expected)
  })
})

describe('cues', () => {
  test('follow every rule, begin no earlier than their text, and contain all of it', () => {
    fc.assert(
      fc.property(said, (list) => {
        const cues = cuesOf(list)
        expect(cueFaults(cues)).toEqual([])
        list.forEach(({ seconds, text }, index) => {
          const own = cues.filter((cue) => cue.said === index)
          expect(
            own
              .flatMap(({ lines }) => lines)
              .join('')
              .replaceAll(' ', ''),
          ).toBe(text.replaceAll(/\s/g, ''))
          expect(own[0]?.start).toBeGreaterThanOrEqual(seconds - 1e-6)
          for (const { start, end } of own)
            for (const time of [start, end]) expect(Math.abs(time * 12.5 - Math.round(time * 12.5))).toBeLessThan(1e-6)
        })
      }),
    )
  })

  test('a single text is shown from its own moment', () => {
    expect(cuesOf([{ seconds: 1.01, text: 'Two replicas.' }])).toEqual([{ start: 1.04, end: 2.08, lines: ['Two replicas.'], said: 0 }])
  })
})

describe('cueFaults reports', () => {
  const cue = { start: 0, end: 2, lines: ['Two replicas.'] }
  test.each([
    ['too many lines', [{ ...cue, lines: ['a', 'b', 'c'] }], /3 lines, allowed are 1 to 2/],
    ['a long line', [{ ...cue, lines: ['x'.repeat(43)] }], /43 characters/],
    ['a cue that is too short', [{ ...cue, end: 0.9 }], /shows for 0.90 s/],
    ['a cue that is too long', [{ ...cue, end: 7.2 }], /shows for 7.20 s/],
    ['too many words per minute', [{ ...cue, lines: ['a b c d e f'] }], /6 words in 2.00 s, allowed are 170/],
    ['overlap', [cue, { ...cue, start: 1.9, end: 4 }], /begins before this one ends/],
  ])('%s', (_what, cues, expected) => {
    expect(cueFaults(cues).join('\n')).toMatch(expected)
  })

  test('nothing for valid cues', () => {
    expect(cueFaults([cue, { ...cue, start: 2, end: 2 + captionRules.maxSeconds }])).toEqual([])
  })
})
