import { describe, expect, test } from 'vitest'
import { MemorySessionStore, Session, type SessionRecord } from './sessions.ts'
import { textFrame } from './text-frame.ts'

const record = (id: string): SessionRecord => ({ id, connectionId: `c-${id}`, rooms: ['tea'], ackedSeq: 7 })

test('a session receives each message after its sequence number once', () => {
  const heard: string[] = []
  const session = new Session('s', 'ann', { sendFrame: (type) => heard.push(type) }, 10)
  for (const seq of [9, 10, 11, 11, 30, 20]) session.deliver('tea', { seq, frame: textFrame('') })
  expect([heard, session.seq]).toEqual([['room_message', 'room_message'], 30])
  session.rooms.add('*').add('tea')
  expect(session.record()).toEqual({ id: 's', connectionId: 'ann', rooms: ['tea'], ackedSeq: 10 })
})

describe('sessions that wait in memory', () => {
  test('are taken once, with unchanged data', async () => {
    const store = new MemorySessionStore(1_000, 10)
    store.hold(record('a'))
    expect(store.held).toBe(1)
    expect(await store.take('a', 0)).toEqual(record('a'))
    expect(await store.take('a', 0)).toBe(undefined)
    expect([store.held, store.healthy(), store.shared, await store.save()]).toEqual([0, true, false, true])
  })

  test('wait for the window and no longer', async () => {
    const store = new MemorySessionStore(1_000, 10)
    store.hold(record('a'))
    store.tick(999)
    store.hold(record('b'))
    expect(store.held).toBe(2)
    store.tick(1_000)
    expect(store.held).toBe(1)
    expect(await store.take('a', 0)).toBe(undefined)
    expect(await store.take('b', 0)).toEqual(record('b'))
  })

  test('are limited in number, and ended ones are removed; without a window none waits', async () => {
    const store = new MemorySessionStore(1_000, 2)
    for (const id of ['a', 'b', 'c']) store.hold(record(id))
    expect([store.held, await store.take('a', 0)]).toEqual([2, undefined])
    store.end('b')
    expect(store.held).toBe(1)
    const none = new MemorySessionStore(0, 2)
    none.hold(record('a'))
    expect(none.held).toBe(0)
  })
})
