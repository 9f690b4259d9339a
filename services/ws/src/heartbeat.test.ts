import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { type PeerSigns, planWheel, visit, Wheel } from './heartbeat.ts'

const intervals = [100, 400, 1_000, 30_000, 86_400_000]

describe('the wheel', () => {
  test.each([0, 1, 255, 256, 257, 10_000])(
    'distributes %i members evenly over the turns, and each has one turn per revolution',
    (count) => {
      const { slots } = planWheel(30_000, 300_000)
      const wheel = new Wheel<number>(slots)
      for (let i = 0; i < count; i++) wheel.add(i)
      const seen: number[] = []
      for (let turn = 0; turn < slots; turn++) {
        const members = [...wheel.turn()]
        expect(members.length).toBeLessThanOrEqual(Math.ceil(count / slots))
        seen.push(...members)
      }
      expect(seen.sort((a, b) => a - b)).toEqual(Array.from({ length: count }, (_, i) => i))
    },
  )

  test('skips a removed member, even in the middle of a turn', () => {
    const wheel = new Wheel<string>(1)
    const slots = new Map(['a', 'b', 'c'].map((name) => [name, wheel.add(name)]))
    const seen: string[] = []
    for (const member of wheel.turn()) {
      seen.push(member)
      if (member === 'a') wheel.remove('b', slots.get('b') ?? 0)
    }
    expect(seen).toEqual(['a', 'c'])
    expect([...wheel.turn()]).toEqual(['a', 'c'])
  })

  test.each(intervals)(
    'a revolution at an interval of %i ms allows detection within one and a half intervals, and ticks are not too frequent',
    (intervalMs) => {
      const { slots, tickMs } = planWheel(intervalMs, 300_000_000)
      expect(slots * tickMs).toBeLessThanOrEqual(intervalMs / 2)
      expect(tickMs).toBeGreaterThanOrEqual(5)
    },
  )

  test('a short connection timeout makes the wheel turn faster', () => {
    expect(planWheel(30_000, 1_000)).toEqual(planWheel(1_000, 30_000))
  })
})

/**
 * Simulates a client that dies at `diesAtMs`, and returns the time at which the heartbeat detects its death. The `late` function returns
 * how late each check is.
 */
function foundDead(intervalMs: number, firstVisitMs: number, diesAtMs: number, late: (visit: number) => number): number {
  const { slots, tickMs } = planWheel(intervalMs, intervalMs * 10)
  const revolutionMs = slots * tickMs
  const signs = { pingedAtMs: 0, lastPingMs: 0, lastMessageMs: 0, paused: false }
  for (let n = 0; n < 100; n++) {
    const nowMs = firstVisitMs * revolutionMs + n * revolutionMs + late(n)
    if (signs.pingedAtMs !== 0 && signs.pingedAtMs < diesAtMs) signs.pingedAtMs = 0
    const verdict = visit(signs, nowMs, intervalMs, intervalMs * 1000)
    if (verdict === 'dead') return nowMs
    if (verdict === 'ping') signs.pingedAtMs = signs.lastPingMs = nowMs
  }
  return Number.POSITIVE_INFINITY
}

describe('a visit', () => {
  test('finds a dead peer within one and a half intervals, whenever it dies, and never a living one', () => {
    const share = fc.double({ min: 0, max: 1, noNaN: true })
    fc.assert(
      fc.property(fc.constantFrom(...intervals), share, share, fc.array(share, { minLength: 1 }), (intervalMs, first, dies, lateness) => {
        const diesAtMs = intervalMs * (2 + dies * 3)
        // The limit of 1.5 heartbeat intervals holds even if timers are late by up to 4 % of an interval (1.2 s for an interval of 30 s).
        const found = foundDead(intervalMs, first, diesAtMs, (n) => ((lateness[n % lateness.length] ?? 0) * intervalMs) / 25)
        expect(found).toBeGreaterThanOrEqual(diesAtMs)
        expect(found - diesAtMs).toBeLessThanOrEqual(1.5 * intervalMs)
      }),
    )
  })

  test('pings once per interval, and does nothing for a connection that was just pinged', () => {
    const signs: PeerSigns = { pingedAtMs: 0, lastPingMs: 0, lastMessageMs: 0, paused: false }
    expect(visit(signs, 449, 1_000, 10_000)).toBe('nothing')
    expect(visit(signs, 900, 1_000, 10_000)).toBe('ping')
    expect(visit({ ...signs, pingedAtMs: 900, lastPingMs: 900 }, 1_000, 1_000, 10_000)).toBe('nothing')
    expect(visit({ ...signs, pingedAtMs: 900, lastPingMs: 900 }, 1_350, 1_000, 10_000)).toBe('dead')
  })

  test('closes an idle connection after the timeout, and a dead one takes precedence', () => {
    const signs: PeerSigns = { pingedAtMs: 0, lastPingMs: 4_900, lastMessageMs: 0, paused: false }
    expect(visit(signs, 4_999, 1_000, 5_000)).toBe('nothing')
    expect(visit(signs, 5_000, 1_000, 5_000)).toBe('idle')
    expect(visit({ ...signs, pingedAtMs: 4_000 }, 5_000, 1_000, 5_000)).toBe('dead')
  })
})
