/**
 * Tests the embedded store with the test suites of the memory stores (services/ws/test/memory-stores.test.ts) and of Valkey
 * (tests/stack/11-*.test.ts).
 */
import { once } from 'node:events'
import { connect } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { until } from '@lab/host/until.ts'
import { presenceSuite } from '@lab/ws/test/suites/presence-suite.ts'
import { LogUser, roomLogSuite } from '@lab/ws/test/suites/room-log-suite.ts'
import { sessionRecord, sessionStoreSuite } from '@lab/ws/test/suites/session-store-suite.ts'
import { sharedStoreSuite } from '@lab/ws/test/suites/shared-store-suite.ts'
import { storesOn } from '@lab/ws/test/suites/stores-on.ts'
import { createClient } from '@redis/client'
import { afterAll, afterEach, beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import { type Store, startStore } from './store.ts'

let store: Store
const cleanUps: (() => Promise<void>)[] = []
beforeAll(async () => {
  store = await startStore()
})
afterEach(async () => {
  for (const cleanUp of cleanUps.splice(0)) await cleanUp()
})
afterAll(() => store.end())

/** Sends a command as a client that uses RESP version 2. */
async function ask(...command: string[]): Promise<unknown> {
  const client = createClient({ url: store.url.replace('valkey', 'redis'), RESP: 2 })
  await client.connect()
  try {
    return await client.sendCommand(command)
  } finally {
    client.destroy()
  }
}

const empty = async () => void (await ask('FLUSHALL'))

async function replica(id: string, env?: Parameters<typeof storesOn>[2]) {
  const stores = await storesOn(Number(new URL(store.url).port), id, env)
  cleanUps.push(() => stores.stop())
  await until(`${id} reaches the store`, () => stores.sessions.healthy(), { withinMs: 10_000, everyMs: 10 })
  return stores
}

describe('room log', () => {
  roomLogSuite(async () => {
    await empty()
    return (await replica('a')).roomLog
  })
})

describe('sessions', () => {
  sessionStoreSuite(async ({ windowMs, limit }) => {
    await empty()
    const { sessions } = await replica('a', { RESUME_WINDOW: windowMs, MAX_HELD_SESSIONS: limit })
    const pass = async (ms: number) => {
      await sleep(ms)
      sessions.tick(performance.now())
    }
    return { store: sessions, pass }
  })
})

describe('presence', () => {
  presenceSuite(async () => {
    await empty()
    return { presence: (await replica('a')).presence, stop: async () => {} }
  })
})

describe('several replicas', () => {
  sharedStoreSuite({ empty, replica })
})

test('messages wait while the store is down, and it returns with its data', async () => {
  await empty()
  const [a, b] = [await replica('a'), await replica('b')]
  const [one, other] = [await new LogUser(a.roomLog).start(), await new LogUser(b.roomLog).start()]
  one.publish('tea', 'before')
  await a.sessions.save(sessionRecord('s'))
  await until('it arrives', () => other.texts.length === 1, { withinMs: 10_000, everyMs: 10 })
  await store.set(false)
  await store.set(false)
  await until('the outage is detected', () => !a.roomLog.healthy(), { withinMs: 10_000, everyMs: 10 })
  one.publish('tea', 'meanwhile')
  await store.set(true)
  await store.set(true)
  await until('it arrives', () => other.texts.length === 2, { withinMs: 20_000, everyMs: 10 })
  expect(other.texts).toEqual(['before', 'meanwhile'])
  expect(other.messages.map(({ offset }) => offset)).toEqual([1, 2])
  await until('b is connected', () => b.sessions.healthy(), { withinMs: 10_000, everyMs: 10 })
  expect(await b.sessions.take('s', 0)).toEqual(sessionRecord('s'))
})

test('the log is bounded by number, bytes and age, and can be read in both directions', async () => {
  await empty()
  const a = await replica('a', { ROOM_LOG_MESSAGES: 0, ROOM_LOG_BYTES: 0 })
  const user = await new LogUser(a.roomLog).start()
  for (let i = 1; i <= 1500; i++) user.publish('tea', `m ${i}`)
  await until('all arrive', () => user.texts.length === 1500, { withinMs: 20_000, everyMs: 20 })
  const all = (await ask('XRANGE', 'lab:log', '-', '+')) as [string, string[]][]
  // The store never trims a room log below 1000 messages (room-log.ts).
  expect(all).toHaveLength(1000)
  const [newest] = (await ask('XREVRANGE', 'lab:log', '+', '-', 'COUNT', '1')) as typeof all
  expect(newest).toEqual(all.at(-1))
  expect(await ask('XRANGE', 'lab:log', `(${all[0]?.[0]}`, '+', 'COUNT', '2')).toEqual(all.slice(1, 3))
})

test('data that is no RESP command, such as an HTTP request, is refused and the connection is closed', async () => {
  for (const text of ['POST / HTTP/1.1\r\nHost: localhost\r\n\r\n', '*-1\r\n', '*1\r\n$99999999\r\n', '*1\r\n:1\r\n', 'x'.repeat(100)]) {
    const socket = connect(Number(new URL(store.url).port), '127.0.0.1', () => socket.write(text))
    onTestFinished(() => void socket.destroy())
    let answer = ''
    socket.on('data', (data) => (answer += data))
    await once(socket, 'close')
    expect(answer).toMatch(/^-ERR Protocol error/)
  }
  await expect(ask('CONFIG', 'GET', '*')).rejects.toThrow("unknown command 'CONFIG'")
})
