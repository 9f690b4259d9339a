import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { Wire } from './wire.ts'

const message = (room: string, offset: number, seq = offset * 10) => ({ type: 'room_message', room, offset, seq, data: { n: offset } })

/** Returns the violations in a stream of frames; gaps are listed last, because they are detected only when the stream ends. */
function breaches(frames: readonly object[]) {
  const wire = new Wire()
  const found = frames.map((frame) => wire.see(frame)).filter((breach) => breach !== undefined)
  return [...found, ...wire.end()].map(({ kind, room, offset }) => `${kind} ${room} ${offset}`)
}

describe('the frames of one connection', () => {
  test('may start at any offset and must continue without a gap in each room', () => {
    expect(breaches([message('a', 5), message('b', 9), message('a', 6), message('b', 10), message('a', 7)])).toEqual([])
  })

  test('a missing, a repeated or two swapped messages are found at every position', () => {
    fc.assert(
      fc.property(fc.integer({ min: 2, max: 30 }), fc.nat(), (length, choice) => {
        const good = Array.from({ length: length + 1 }, (_, index) => message('a', index + 1))
        const index = 1 + (choice % (length - 1))
        const [before, at] = [good[index - 1], good[index]]
        if (before === undefined || at === undefined) throw new Error('out of range')
        expect(breaches(good.toSpliced(index, 1))).toEqual([`skipped a ${at.offset}`])
        expect(breaches(good.toSpliced(index, 0, at))).toEqual([`repeated a ${at.offset}`])
        const swapped = good.toSpliced(index, 2, good[index + 1] ?? at, at)
        expect(breaches(swapped)).toEqual([`swapped a ${at.offset}`])
      }),
    )
  })

  test('a room may restart at another offset after room_joined, resume_gap or resumed', () => {
    expect(breaches([message('a', 5), { type: 'room_joined', room: 'a' }, message('a', 4), message('a', 5)])).toEqual([])
    expect(breaches([message('a', 5), { type: 'resume_gap', room: 'a' }, message('a', 9)])).toEqual([])
    expect(breaches([message('a', 5), message('b', 1), { type: 'resumed' }, message('b', 7), message('a', 9)])).toEqual([])
  })

  test('a gap before a restart is still a violation', () => {
    expect(breaches([message('a', 5), message('a', 7), { type: 'room_joined', room: 'a' }])).toEqual(['skipped a 6'])
  })

  test('offset 1 with a later sequence number starts a new count, because the store has forgotten the room', () => {
    expect(breaches([message('a', 5, 50), message('a', 1, 60), message('a', 2, 61)])).toEqual([])
    expect(breaches([message('a', 1, 50), message('a', 1, 50)])).toEqual(['repeated a 1'])
  })

  test('a provisional message has no offset and is not checked', () => {
    expect(breaches([message('a', 5), { type: 'room_message', room: 'a', provisional: true }, message('a', 6)])).toEqual([])
  })
})
