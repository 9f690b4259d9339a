import fc from 'fast-check'
import { expect, test } from 'vitest'
import { MemoryRoomBus, Rooms } from './rooms.ts'

const member = () => ({ rooms: new Set<string>() })

test('joining twice is joining once; leaving what one is not in does nothing; empty rooms are gone', () => {
  const rooms = new Rooms<{ rooms: Set<string> }>()
  const [ann, bob] = [member(), member()]
  expect(rooms.join('tea', ann)).toBe(1)
  expect(rooms.join('tea', ann)).toBe(1)
  expect(rooms.join('tea', bob)).toBe(2)
  expect(rooms.leave('milk', ann)).toBe(0)
  expect(rooms.leave('tea', bob)).toBe(1)
  expect(rooms.leave('tea', bob)).toBe(1)
  expect([...rooms.of('tea')]).toEqual([ann])
  expect(rooms.leave('tea', ann)).toBe(0)
  expect([rooms.roomCount, rooms.memberCount, rooms.count('tea'), [...rooms.of('tea')]]).toEqual([0, 0, 0, []])
})

test('whatever happens, counts are those of a plain list of who is where', () => {
  const step = fc.record({ what: fc.constantFrom('join', 'leave', 'leaveAll'), who: fc.nat(3), room: fc.constantFrom('a', 'b', 'c') })
  fc.assert(
    fc.property(fc.array(step), (steps) => {
      const rooms = new Rooms<{ rooms: Set<string> }>()
      const people = [member(), member(), member(), member()]
      const expected = new Set<string>()
      for (const { what, who, room } of steps) {
        const person = people[who] ?? member()
        if (what === 'join') {
          rooms.join(room, person)
          expected.add(`${room}${who}`)
        } else if (what === 'leave') {
          rooms.leave(room, person)
          expected.delete(`${room}${who}`)
        } else {
          rooms.leaveAll(person)
          for (const each of ['a', 'b', 'c']) expected.delete(`${each}${who}`)
        }
      }
      expect(rooms.memberCount).toBe(expected.size)
      expect(rooms.roomCount).toBe(new Set([...expected].map((entry) => entry[0])).size)
      for (const [who, { rooms: of }] of people.entries()) {
        expect([...of].sort()).toEqual(['a', 'b', 'c'].filter((room) => expected.has(`${room}${who}`)))
      }
    }),
  )
})

test('the bus of a lone replica delivers at once and in order', () => {
  const bus = new MemoryRoomBus()
  const seen: string[] = []
  bus.onMessage(({ head }) => seen.push(head.toString()))
  for (const head of ['one', 'two']) bus.publish({ room: 'tea', head: Buffer.from(head), publishedAtMs: 0 })
  expect(seen).toEqual(['one', 'two'])
  expect(bus.healthy()).toBe(true)
})
