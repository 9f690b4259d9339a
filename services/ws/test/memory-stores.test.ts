/** The stores of a lone replica by the suites that Valkey's pass as well (tests/stack/11-stores.test.ts). */
import { describe } from 'vitest'
import { MemoryRoomLog } from '../src/room-log.ts'
import { LocalPresence } from '../src/rooms.ts'
import { MemorySessionStore } from '../src/sessions.ts'
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
