import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { History } from './history.ts'
import { textFrame } from './text-frame.ts'

const roomy = { messages: 1000, bytes: 1_000_000, ageMs: 60_000 }
/** A frame of 12 bytes. */
const frame = textFrame('0123456789')
const places = ({ messages }: { messages: { seq: number }[] }) => messages.map(({ seq }) => seq)

function filled(bounds: Partial<typeof roomy>, entries: [room: string, seq: number, nowMs?: number][]): History {
  const history = new History({ ...roomy, ...bounds })
  for (const [room, seq, nowMs = 0] of entries) history.add({ room, seq, frame }, nowMs)
  return history
}

describe('the missed messages of a member', () => {
  test('are those of its rooms after its sequence number, in order', () => {
    const history = filled({}, [
      ['tea', 10],
      ['milk', 20],
      ['tea', 30],
      ['rum', 35],
      ['milk', 40],
    ])
    expect(places(history.since(10, ['tea', 'milk']))).toEqual([20, 30, 40])
    expect(history.since(10, ['tea', 'milk']).gap).toBe(null)
    expect(places(history.since(40, ['tea', 'milk']))).toEqual([])
    expect(history.since(0, ['nowhere'])).toEqual({ messages: [], gap: null })
  })

  test('include a gap if some are no longer stored, but only for members of their room', () => {
    const history = filled({ messages: 2 }, [
      ['tea', 10],
      ['tea', 20],
      ['milk', 30],
      ['milk', 40],
    ])
    expect(history.since(5, ['tea'])).toEqual({ messages: [], gap: { from: 6, to: 20 } })
    expect(history.since(20, ['tea'])).toEqual({ messages: [], gap: null })
    expect(history.since(5, ['milk'])).toMatchObject({ messages: [{ seq: 30 }, { seq: 40 }], gap: null })
  })

  test('include a gap in every room if the replica itself missed messages', () => {
    const history = filled({}, [
      ['tea', 10],
      ['tea', 50],
    ])
    history.lose(40)
    expect(history.since(20, ['milk']).gap).toEqual({ from: 21, to: 40 })
    expect(history.since(40, ['milk']).gap).toBe(null)
  })
})

describe('a sequence number without a message', () => {
  const history = filled({}, [
    ['tea', 10],
    ['milk', 20],
    ['tea', 50],
  ])

  test('belonged to a log that the store has lost, so messages after it may be missing in every room', () => {
    expect(history.since(30, ['tea'])).toMatchObject({ messages: [{ seq: 50 }], gap: { from: 31, to: 49 } })
    expect(history.since(30, ['rum']).gap).toEqual({ from: 31, to: 49 })
  })

  test('is no gap at a reported loss, right before a message, before the oldest stored one, or after the last', () => {
    for (const seq of [0, 5, 10, 20, 49, 50, 60]) expect(history.since(seq, ['tea']).gap, String(seq)).toBe(null)
    history.lose(40)
    expect(history.since(40, ['tea']).gap).toBe(null)
    expect(history.since(30, ['tea']).gap).toEqual({ from: 31, to: 40 })
  })
})

describe('bounds', () => {
  test('number, bytes and age are limited', () => {
    const entries = Array.from({ length: 10 }, (_, i): [string, number, number] => ['tea', i + 1, i * 1000])
    expect(filled({ messages: 3 }, entries).count).toBe(3)
    expect(filled({ bytes: 50 }, entries)).toMatchObject({ count: 4, bytes: 48 })
    expect(filled({ ageMs: 2000 }, entries).count).toBe(2)
    const history = filled({ ageMs: 2000 }, entries)
    history.expire(20_000)
    expect([history.count, history.bytes, history.last('tea', 5)]).toEqual([0, 0, []])
    expect(filled({ messages: 0 }, entries).count).toBe(0)
  })

  test('late joiners receive the last messages of the room', () => {
    const history = filled({}, [
      ['tea', 1],
      ['milk', 2],
      ['tea', 3],
      ['tea', 4],
    ])
    expect(history.last('tea', 2).map(({ seq }) => seq)).toEqual([3, 4])
    expect([history.last('tea', 0), history.last('rum', 2)]).toEqual([[], []])
  })
})

test('property: no message is missing without a gap, and only requested messages are returned', () => {
  const event = fc.record({ room: fc.constantFrom('a', 'b', 'c'), step: fc.integer({ min: 1, max: 5 }) })
  const question = fc.record({ last: fc.nat(300), rooms: fc.subarray(['a', 'b', 'c', 'd']) })
  fc.assert(
    fc.property(fc.array(event, { maxLength: 200 }), fc.integer({ min: 0, max: 150 }), question, (events, messages, { last, rooms }) => {
      const history = new History({ ...roomy, messages })
      const all: { room: string; seq: number }[] = []
      for (const { room, step } of events) {
        const seq = (all.at(-1)?.seq ?? 0) + step
        all.push({ room, seq })
        history.add({ room, seq, frame }, 0)
      }
      // The sequence number of an existing message.
      const lastSeq = all[last % Math.max(1, all.length)]?.seq ?? 0
      const asked = all.filter(({ room, seq }) => rooms.includes(room) && seq > lastSeq).map(({ seq }) => seq)
      const answer = history.since(lastSeq, rooms)
      const lostTo = answer.gap?.to ?? lastSeq
      expect(places(answer)).toEqual(asked.filter((seq) => places(answer).includes(seq)))
      expect(asked.filter((seq) => !places(answer).includes(seq)).every((seq) => seq <= lostTo)).toBe(true)
      // If the `dropped` map has space for all three rooms, a gap is reported only when messages are missing.
      if (answer.gap && messages >= 3) expect(asked.length).toBeGreaterThan(places(answer).length)
    }),
  )
})
