/** The test suite for implementations of Presence. */
import { afterEach, beforeEach, expect, test } from 'vitest'
import type { Presence } from '../../src/rooms.ts'

/** @param make a function that creates an empty presence store, and returns it together with a function that stops it */
export function presenceSuite(make: () => Promise<{ presence: Presence; stop: () => Promise<void> }>): void {
  let presence: Presence
  let stop: () => Promise<void>
  beforeEach(async () => {
    ;({ presence, stop } = await make())
  })
  afterEach(() => stop())

  test('the latest number counts at once, for each room separately', async () => {
    expect(await presence.total('tea')).toBe(0)
    presence.set('tea', 1)
    presence.set('tea', 2)
    presence.set('milk ☕', 1)
    expect([await presence.total('tea'), await presence.total('milk ☕')]).toEqual([2, 1])
    presence.set('tea', 0)
    expect([await presence.total('tea'), await presence.total('milk ☕')]).toEqual([0, 1])
  })
}
