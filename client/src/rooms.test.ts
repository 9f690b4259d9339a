/** Tests every transition of a room's state, and checks that the state's type excludes invalid combinations. */
import { describe, expect, test } from 'vitest'
import { type RoomState, Rooms } from './rooms.ts'
import type { RoomFrame } from './wire.ts'

const tea = (seq: number, room = 'tea'): RoomFrame => ({ type: 'room_message', replica: 'ws-1', room, from: 'ann', data: seq, seq })

/** Returns the origin of a delivered message, or the reason why a message was dropped; empty if the message was ignored. */
function outcome(rooms: Rooms, frame: RoomFrame): string[] {
  return rooms
    .receive(frame)
    .events.map((event) =>
      event.type === 'message' ? (event.message.earlier ?? 'live') : event.type === 'dropped' ? event.why : event.type,
    )
}

/** Returns a `Rooms` object in which the room `tea` is joined and complete up to sequence number 100. */
function inTea(): Rooms {
  const rooms = new Rooms()
  rooms.fresh(100)
  rooms.joined('tea', 100, 0)
  return rooms
}

describe('a first join', () => {
  test('without history is complete at once', () => {
    expect(outcome(inTea(), tea(101))).toEqual(['live'])
  })

  test('is complete with the first message of its history, and live after the last', () => {
    const rooms = new Rooms()
    rooms.fresh(100)
    expect(rooms.joined('tea', 100, 2)).toBe(false)
    const first = rooms.receive(tea(50))
    expect([first.completed, first.events]).toMatchObject([true, [{ message: { earlier: 'history' } }]])
    expect(rooms.lastSeq).toBe(50)
    expect(outcome(rooms, tea(50))).toEqual(['replayed'])
    expect(outcome(rooms, tea(60))).toEqual(['history'])
    expect(rooms.lastSeq).toBe(100)
    expect(outcome(rooms, tea(101))).toEqual(['live'])
  })

  test('whose history has not begun when the connection is lost counts as unanswered', () => {
    const rooms = new Rooms()
    rooms.fresh(100)
    rooms.joined('tea', 100, 2)
    rooms.resumed(1, ['tea'], 100)
    expect(outcome(rooms, tea(101))).toEqual([])
    expect(rooms.lastSeq).toBe(101)
    expect(rooms.outside()).toEqual([])
  })

  test('whose history is cut off continues after its last message', () => {
    const rooms = new Rooms()
    rooms.fresh(100)
    rooms.joined('tea', 100, 3)
    rooms.receive(tea(50))
    rooms.fresh(120)
    expect(rooms.outside()).toEqual([{ room: 'tea', since: 50 }])
  })
})

describe('a session that is lost', () => {
  test('moves its rooms to the phase `outside`, and joins them again from their own sequence numbers', () => {
    const rooms = inTea()
    rooms.receive(tea(110, '*'))
    rooms.fresh(200)
    expect([rooms.lastSeq, rooms.outside()]).toEqual([110, [{ room: 'tea', since: 110 }]])
    expect(outcome(rooms, tea(201))).toEqual([])
    expect(rooms.joined('tea', 201, 2)).toBe(true)
    expect([rooms.lastSeq, rooms.outside()]).toEqual([110, []])
    expect([outcome(rooms, tea(150)), outcome(rooms, tea(201))]).toEqual([['replay'], ['replay']])
    expect(rooms.lastSeq).toBe(201)
  })

  test('loses nothing in a room that missed nothing', () => {
    const rooms = inTea()
    rooms.fresh(200)
    expect(rooms.joined('tea', 205, 0)).toBe(true)
    expect([outcome(rooms, tea(205)), outcome(rooms, tea(206))]).toEqual([['duplicate'], ['live']])
  })

  test('is reported as a gap of the room of everyone, which cannot be joined', () => {
    const rooms = inTea()
    expect(rooms.fresh(200)).toEqual([{ type: 'gap', why: 'fresh_session', room: '*', from: 101, to: 200 }])
    expect(rooms.fresh(200)).toEqual([])
  })
})

describe('a session that is resumed', () => {
  test('replays messages before the live ones', () => {
    const rooms = inTea()
    rooms.resumed(2, ['tea'], 100)
    expect([outcome(rooms, tea(101)), outcome(rooms, tea(101)), outcome(rooms, tea(102))]).toEqual([['replay'], ['replayed'], ['replay']])
    expect(outcome(rooms, tea(103))).toEqual(['live'])
  })

  test('and is lost during the replay continues a room that is behind from its own sequence number', () => {
    const rooms = inTea()
    rooms.fresh(200)
    rooms.resumed(2, ['tea'], 100)
    expect(rooms.lastSeq).toBe(100)
    rooms.receive(tea(150))
    expect([rooms.lastSeq, rooms.outside()]).toEqual([150, []])
    rooms.resumed(1, ['tea'], 150)
    expect(outcome(rooms, tea(160))).toEqual(['replay'])
    // The new replica may not have read the room log up to sequence number 200, which the previous replica had reached.
    expect(rooms.lastSeq).toBe(160)
  })

  test('does not cover a room that the server has lost, or one that is further behind', () => {
    const rooms = inTea()
    rooms.resumed(0, [], 100)
    expect(rooms.outside()).toEqual([{ room: 'tea', since: 100 }])
    rooms.resumed(0, ['tea'], 150)
    expect(rooms.outside()).toEqual([{ room: 'tea', since: 100 }])
    rooms.resumed(0, ['tea'], 100)
    expect(rooms.outside()).toEqual([])
  })

  test('has passed a gap when the replay of the stored messages ends', () => {
    const rooms = inTea()
    rooms.resumed(1, ['tea'], 100)
    rooms.gap(undefined, 101, 180)
    expect(rooms.lastSeq).toBe(100)
    rooms.receive(tea(150))
    expect(rooms.lastSeq).toBe(180)
    rooms.gap(undefined, 181, 190)
    expect(rooms.lastSeq).toBe(190)
    rooms.gap('tea', 191, 195)
    expect(rooms.lastSeq).toBe(190)
  })
})

test('a second join of a room repeats its history, and later messages are live', () => {
  const rooms = inTea()
  rooms.receive(tea(101))
  expect(rooms.joined('tea', 101, 1)).toBe(true)
  expect([outcome(rooms, tea(101)), outcome(rooms, tea(102))]).toEqual([['replayed'], ['live']])
})

test('no message of a room is delivered after a leave', () => {
  const rooms = inTea()
  rooms.left('tea')
  expect([outcome(rooms, tea(101)), rooms.lastSeq]).toEqual([[], 101])
})

test('impossible combinations do not compile', () => {
  const progress = { seq: 1, offset: 1, holes: [] }
  const history = { left: 1, countedSeq: 0, endsAt: 1 }
  const states: RoomState[] = [
    // @ts-expect-error a joining room has received no message, so its state contains no delivery progress
    { phase: 'joining', history, progress },
    // @ts-expect-error the state of a joining room must contain the size of the room's history
    { phase: 'joining' },
    // @ts-expect-error the state of a room that is catching up must contain the origin of the room's messages
    { phase: 'catchingUp', progress, history },
    // @ts-expect-error a replay covers all rooms, so the state of a single room has no history to count
    { phase: 'replaying', progress, history },
    // @ts-expect-error a live room is not waiting for missed messages, so it has no field `earlier`
    { phase: 'live', progress, repeated: undefined, earlier: 'replay' },
    // @ts-expect-error a room outside the session receives no history
    { phase: 'outside', progress, history },
    // @ts-expect-error a room has only one phase at a time
    { phase: 'live', outside: true, progress, repeated: undefined },
  ]
  expect(new Set(states.map(({ phase }) => phase)).size).toBe(5)
})

test('a heartbeat moves all rooms up to its sequence number, except for rooms that are behind', () => {
  const rooms = inTea()
  rooms.sentUpTo(150)
  expect(rooms.lastSeq).toBe(150)
  rooms.fresh(200)
  rooms.sentUpTo(300)
  expect([rooms.lastSeq, rooms.outside()]).toEqual([150, [{ room: 'tea', since: 150 }]])
})

test('each room continues from its own sequence number at a replica that has read nothing', () => {
  const rooms = inTea()
  rooms.receive(tea(120))
  expect(rooms.fresh(0)).toEqual([])
  expect(rooms.outside()).toEqual([{ room: 'tea', since: 120 }])
  rooms.joined('tea', 120, 0)
  expect(rooms.lastSeq).toBe(120)
  expect(outcome(rooms, tea(121))).toEqual(['live'])
  rooms.resumed(0, ['tea'], 121)
  expect(rooms.lastSeq).toBe(121)
})

test('a log that lost its end restarts the offsets, and a message that is stored twice is delivered once', () => {
  const rooms = inTea()
  const sent = (seq: number, offset: number) => ({ ...tea(seq), id: 'a', clientTime: 1, offset })
  rooms.receive(sent(110, 7))
  rooms.gap(undefined, 105, 200)
  expect(outcome(rooms, sent(201, 3))).toEqual(['provisional'])
  expect(outcome(rooms, { ...tea(202), offset: 4 })).toEqual(['live'])
})
