import fc from 'fast-check'
import { expect, test } from 'vitest'
import { assOf } from './ass.ts'
import { cuesOf } from './captions.ts'
import { cuesOfVtt, vttOf } from './vtt.ts'

test('any captions survive a round trip', () => {
  const word = fc.string({ minLength: 1, maxLength: 9, unit: fc.constantFrom(...'ab1<>&;ü→') })
  const text = fc.array(word, { minLength: 1, maxLength: 30 }).map((words) => words.join(' '))
  fc.assert(
    fc.property(fc.array(text, { maxLength: 20 }), (texts) => {
      const cues = cuesOf(texts.map((one, index) => ({ seconds: index * 3, text: one }))).map(({ start, end, lines }) => ({
        start,
        end,
        lines,
      }))
      const read = cuesOfVtt(vttOf(cues))
      expect(read.map(({ lines }) => lines)).toEqual(cues.map(({ lines }) => lines))
      read.forEach(({ start, end }, index) => {
        expect(start).toBeCloseTo(cues[index]?.start ?? -1, 3)
        expect(end).toBeCloseTo(cues[index]?.end ?? -1, 3)
      })
    }),
  )
})

test('writes times and lines in the format of WebVTT', () => {
  expect(vttOf([{ start: 61.24, end: 63, lines: ['500 sockets → 5 replicas', '& more'] }])).toBe(
    'WEBVTT\n\n1\n00:01:01.240 --> 00:01:03.000\n500 sockets → 5 replicas\n&amp; more\n',
  )
})

test('rejects a file that is not WebVTT', () => {
  expect(() => cuesOfVtt('1\n00:00')).toThrow('does not begin with WEBVTT')
  expect(() => cuesOfVtt('WEBVTT\n\n1\nnever\n')).toThrow('no times')
})

test('the subtitle script has the same times and lines, and escapes commands in a text', () => {
  const script = assOf([{ start: 61.24, end: 63, lines: ['a {\\b1}', 'b'] }], [{ start: 4, end: 6, text: '×4 faster' }])
  expect(script).toContain('Dialogue: 0,0:01:01.24,0:01:03.00,Caption,,0,0,0,,{\\an5\\pos(960,998)}a (＼b1)\\Nb')
  expect(script).toMatch(/Dialogue: 0,0:00:04\.00,0:00:06\.00,Pace,.*×4 faster/)
})
