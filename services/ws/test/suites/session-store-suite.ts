/** What every session store does, whatever it keeps its sessions in. */
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { SessionRecord, SessionStore } from '../../src/sessions.ts'

export interface StoreUnderTest {
  store: SessionStore
  /** Lets time pass for it. */
  pass(ms: number): Promise<void> | void
}

export const sessionRecord = (id: string): SessionRecord => ({
  id,
  connectionId: `c-${id}`,
  rooms: ['tea', 'Grüße ☕'],
  ackedSeq: 1_795_267_133_888_001,
  idScope: `scope-of-${id}`,
})

/** @param make gives an empty store in which sessions wait `windowMs`, and at most `limit` of them */
export function sessionStoreSuite(make: (bounds: { windowMs: number; limit: number }) => StoreUnderTest | Promise<StoreUnderTest>): void {
  let used: StoreUnderTest
  const windowMs = 400
  beforeEach(async () => {
    used = await make({ windowMs, limit: 2 })
  })
  afterEach(() => used.store.stop())

  test('a session that waits is taken as it was held', async () => {
    const { store } = used
    expect(await store.save(sessionRecord('a'))).toBe(true)
    expect(store.held).toBe(0)
    store.hold({ ...sessionRecord('a'), rooms: ['milk'] })
    expect(store.held).toBe(1)
    expect(await store.take('a')).toEqual({ ...sessionRecord('a'), rooms: ['milk'] })
    expect([store.held, store.healthy()]).toEqual([0, true])
  })

  test('one that nobody has is not found, nor one that has ended', async () => {
    const { store } = used
    expect(await store.take('nobody')).toBe(undefined)
    store.hold(sessionRecord('a'))
    store.end('a')
    expect([store.held, await store.take('a')]).toEqual([0, undefined])
  })

  test('it waits as long as the window and no longer', async () => {
    const { store, pass } = used
    store.hold(sessionRecord('a'))
    await pass(windowMs / 2)
    store.hold(sessionRecord('b'))
    expect(store.held).toBe(2)
    await pass(windowMs * 0.75)
    expect(store.held).toBe(1)
    expect(await store.take('a')).toBe(undefined)
    expect(await store.take('b')).toEqual(sessionRecord('b'))
  })

  test('as many wait as allowed: the oldest gives way', async () => {
    const { store } = used
    for (const id of ['a', 'b', 'c']) store.hold(sessionRecord(id))
    expect(store.held).toBe(2)
    expect(await store.take('a')).toBe(undefined)
    expect(await store.take('b')).toEqual(sessionRecord('b'))
  })

  describe('with no window', () => {
    test('none waits', async () => {
      const none = await make({ windowMs: 0, limit: 2 })
      none.store.hold(sessionRecord('a'))
      expect([none.store.held, await none.store.take('a')]).toEqual([0, undefined])
      await none.store.stop()
    })
  })
}
