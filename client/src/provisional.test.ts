/** Tests messages that arrive provisionally while the store is unavailable, and later arrive again with a sequence number. */
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

/** Returns the type of each event that the frames cause, and the reason for each dropped message. */
function receive(frames: readonly RoomFrame[]): string[] {
  const rooms = new Rooms()
  rooms.fresh(100)
  rooms.joined('tea', 100, 0)
  return frames.flatMap((frame) =>
    rooms.receive(frame).events.map((event) => (event.type === 'dropped' ? `dropped ${event.why}` : event.type)),
  )
}

describe('a provisional message', () => {
  test('is delivered, and its stored copy is dropped', () => {
    expect(receive([message(1, { provisional: true }), message(1, { seq: 200, offset: 1 })])).toEqual(['message', 'dropped provisional'])
  })

  test('is recognised when its sender has a new connection id', () => {
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

  test('does not match a message with another id, time or content', () => {
    const others = [message(1, { from: 'bob', data: 'else' }), message(1, { from: 'bob', clientTime: 8 }), message(2, {})]
    for (const other of others) {
      expect(receive([message(1, { provisional: true }), { ...other, seq: 200, offset: 1 }])).toEqual(['message', 'message'])
    }
  })

  test('is remembered for as long as a replica may have it in its queue', () => {
    const numbers = Array.from({ length: 10_000 }, (_, n) => n)
    const frames = [
      ...numbers.map((n) => message(n, { provisional: true })),
      ...numbers.map((n) => message(n, { seq: 200 + n, offset: 1 + n })),
    ]
    expect(receive(frames).filter((what) => what === 'message')).toHaveLength(10_000)
  })
})
