/** What every presence does, whatever it counts with. */
import { afterEach, beforeEach, expect, test } from 'vitest'
import type { Presence } from '../../src/rooms.ts'

/** @param make gives one in which nobody is anywhere, and how to be done with it */
export function presenceSuite(make: () => Promise<{ presence: Presence; stop: () => Promise<void> }>): void {
  let presence: Presence
  let stop: () => Promise<void>
  beforeEach(async () => {
    ;({ presence, stop } = await make())
  })
  afterEach(() => stop())

  test('what was said last counts, at once, and each room on its own', async () => {
    expect(await presence.total('tea')).toBe(0)
    presence.set('tea', 1)
    presence.set('tea', 2)
    presence.set('milk ☕', 1)
    expect([await presence.total('tea'), await presence.total('milk ☕')]).toEqual([2, 1])
    presence.set('tea', 0)
    expect([await presence.total('tea'), await presence.total('milk ☕')]).toEqual([0, 1])
  })
}
