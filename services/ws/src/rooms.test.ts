import fc from 'fast-check'
import { expect, test } from 'vitest'
import { LocalPresence, Rooms } from './rooms.ts'

const member = () => ({ rooms: new Set<string>() })

test('joining twice has no effect, nor has leaving another room; empty rooms are removed', () => {
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

test('property: the counts equal those of a plain list of memberships', () => {
  const step = fc.record({ what: fc.constantFrom('join', 'leave'), who: fc.nat(3), room: fc.constantFrom('a', 'b', 'c') })
  fc.assert(
    fc.property(fc.array(step), (steps) => {
      const rooms = new Rooms<{ rooms: Set<string> }>()
      const people = [member(), member(), member(), member()]
      const expected = new Set<string>()
      for (const { what, who, room } of steps) {
        rooms[what](room, people[who] ?? member())
        if (what === 'join') expected.add(`${room}${who}`)
        else expected.delete(`${room}${who}`)
      }
      expect(rooms.memberCount).toBe(expected.size)
      expect(rooms.roomCount).toBe(new Set([...expected].map((entry) => entry[0])).size)
      for (const [who, { rooms: of }] of people.entries()) {
        expect([...of].sort()).toEqual(['a', 'b', 'c'].filter((room) => expected.has(`${room}${who}`)))
      }
    }),
  )
})

test('the presence of a replica without a store is its own number of members', async () => {
  const presence = new LocalPresence()
  presence.set('tea', 2)
  expect([await presence.total('tea'), await presence.total('milk')]).toEqual([2, 0])
  presence.set('tea', 0)
  expect(await presence.total('tea')).toBe(0)
})
