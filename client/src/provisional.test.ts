/** Messages that came provisionally while the store was away, and come again with their place. */
import { describe, expect, test } from 'vitest'
import { Rooms } from './rooms.ts'
import type { RoomFrame } from './wire.ts'

const message = (n: number, fields: Partial<RoomFrame>): RoomFrame =>
  ({
    type: 'room_message',
    replica: 'ws-1',
    time: 0,
    room: 'tea',
    from: 'ann',
    id: `x-${n}`,
    clientTime: 7,
    data: { n },
    ...fields,
  }) as RoomFrame

/** What became of each frame. */
function receive(frames: readonly RoomFrame[]): string[] {
  const rooms = new Rooms()
  rooms.fresh(100)
  rooms.joined('tea', 100, 0)
  return frames.flatMap((frame) =>
    rooms.receive(frame).events.map((event) => (event.type === 'dropped' ? `dropped ${event.why}` : event.type)),
  )
}

describe('a provisional message', () => {
  test('is handed on, and its second coming is not', () => {
    expect(receive([message(1, { provisional: true }), message(1, { seq: 200, offset: 1 })])).toEqual(['message', 'dropped provisional'])
  })

  test('is known again when its sender could not take its name along', () => {
    const again = message(1, { from: 'ann-anew', provisional: true })
    expect(receive([message(1, { provisional: true }), again, message(1, { seq: 200, offset: 1 })])).toEqual([
      'message',
      'dropped provisional',
      'dropped provisional',
    ])
    expect(receive([message(1, { provisional: true }), message(1, { from: 'ann-anew', seq: 200, offset: 1 })])).toEqual([
      'message',
      'dropped provisional',
    ])
  })

  test('is another one when it carries something else', () => {
    const others = [message(1, { from: 'bob', data: 'else' }), message(1, { from: 'bob', clientTime: 8 }), message(2, {})]
    for (const other of others) {
      expect(receive([message(1, { provisional: true }), { ...other, seq: 200, offset: 1 }])).toEqual(['message', 'message'])
    }
  })

  test('is remembered for as long as a replica may keep it', () => {
    const numbers = Array.from({ length: 10_000 }, (_, n) => n)
    const frames = [
      ...numbers.map((n) => message(n, { provisional: true })),
      ...numbers.map((n) => message(n, { seq: 200 + n, offset: 1 + n })),
    ]
    expect(receive(frames).filter((what) => what === 'message')).toHaveLength(10_000)
  })
})
