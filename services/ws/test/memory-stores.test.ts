/**
 * Runs the store test suites with the in-memory stores. The files 11-room-log.test.ts and 11-sessions.test.ts in tests/stack run the same
 * suites with the Valkey stores.
 */
import { describe, expect, test } from 'vitest'
import { readConfig } from '../src/config.ts'
import { MemoryRoomLog } from '../src/room-log.ts'
import { LocalPresence } from '../src/rooms.ts'
import { MemorySessionStore } from '../src/sessions.ts'
import { memoryStores } from '../src/stores.ts'
import { presenceSuite } from './suites/presence-suite.ts'
import { roomLogSuite } from './suites/room-log-suite.ts'
import { sessionStoreSuite } from './suites/session-store-suite.ts'

describe('room log in memory', () => {
  roomLogSuite(() => new MemoryRoomLog(Date.now, 10_000))
})

describe('sessions in memory', () => {
  sessionStoreSuite(({ windowMs, limit }) => {
    const store = new MemorySessionStore(windowMs, limit)
    let nowMs = 0
    const pass = (ms: number) => {
      nowMs += ms
      store.tick(nowMs)
    }
    return { store, pass }
  })
})

describe('presence in memory', () => {
  presenceSuite(async () => ({ presence: new LocalPresence(), stop: async () => {} }))
})

// In-memory sessions cannot move to another replica, so a client that is asked to reconnect would lose its session.
test('a replica without a shared store finds no other replica, so it never asks clients to reconnect', () => {
  const read = readConfig({})
  if (!read.ok) throw new Error('the defaults cannot be read')
  const clock = { now: Date.now, steady: () => performance.now() }
  const [one, two] = [memoryStores(read.value, clock), memoryStores(read.value, clock)]
  one.replicas.announce({ id: 'ws-1', state: 'ready', connections: 100 })
  two.replicas.announce({ id: 'ws-2', state: 'ready', connections: 0 })
  expect(one.replicas.all()).toEqual([{ id: 'ws-1', state: 'ready', connections: 100 }])
})
