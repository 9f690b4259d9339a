/** The test suite for implementations of SessionStore. */
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { SessionRecord, SessionStore } from '../../src/sessions.ts'

export interface StoreUnderTest {
  store: SessionStore
  /** Advances the store's clock. */
  pass(ms: number): Promise<void> | void
}

export const sessionRecord = (id: string): SessionRecord => ({
  id,
  connectionId: `c-${id}`,
  rooms: ['tea', 'Grüße ☕'],
  ackedSeq: 1_795_267_133_888_001,
  idScope: `scope-of-${id}`,
})

/** @param make a function that creates an empty session store with the given resume window and maximum number of waiting sessions */
export function sessionStoreSuite(make: (bounds: { windowMs: number; limit: number }) => StoreUnderTest | Promise<StoreUnderTest>): void {
  let used: StoreUnderTest
  const windowMs = 400
  beforeEach(async () => {
    used = await make({ windowMs, limit: 2 })
  })
  afterEach(() => used.store.stop())

  test('a waiting session is taken with unchanged data', async () => {
    const { store } = used
    expect(await store.save(sessionRecord('a'))).toBe(true)
    expect(store.held).toBe(0)
    store.hold({ ...sessionRecord('a'), rooms: ['milk'] })
    expect(store.held).toBe(1)
    expect(await store.take('a', 0)).toEqual({ ...sessionRecord('a'), rooms: ['milk'] })
    expect([store.held, store.healthy()]).toEqual([0, true])
  })

  test('an unknown session is not found, nor is one that has ended', async () => {
    const { store } = used
    expect(await store.take('nobody', 0)).toBe(undefined)
    store.hold(sessionRecord('a'))
    store.end('a')
    expect([store.held, await store.take('a', 0)]).toEqual([0, undefined])
  })

  test('an old token takes nothing, and the session continues to wait', async () => {
    const { store } = used
    const record = { ...sessionRecord('a'), oldestToken: 2 }
    await store.save(record)
    store.hold(record)
    expect(await store.take('a', 1)).toBe(undefined)
    expect(await store.take('a', 2)).toEqual(record)
  })

  test('a session waits exactly as long as the window', async () => {
    const { store, pass } = used
    store.hold(sessionRecord('a'))
    await pass(windowMs / 2)
    store.hold(sessionRecord('b'))
    expect(store.held).toBe(2)
    await pass(windowMs * 0.75)
    expect(store.held).toBe(1)
    expect(await store.take('a', 0)).toBe(undefined)
    expect(await store.take('b', 0)).toEqual(sessionRecord('b'))
  })

  test('the number of waiting sessions is limited, and the oldest is removed', async () => {
    const { store } = used
    for (const id of ['a', 'b', 'c']) store.hold(sessionRecord(id))
    expect(store.held).toBe(2)
    expect(await store.take('a', 0)).toBe(undefined)
    expect(await store.take('b', 0)).toEqual(sessionRecord('b'))
  })

  describe('with no window', () => {
    test('no session waits', async () => {
      const none = await make({ windowMs: 0, limit: 2 })
      none.store.hold(sessionRecord('a'))
      expect([none.store.held, await none.store.take('a', 0)]).toEqual([0, undefined])
      await none.store.stop()
    })
  })
}
