/** Tests the reconnect storm calculations: connection attempts per second, and the comparison of two storms. */
import type { ClientEvent } from '@lab/client/types.ts'
import { compare, comparisonText } from '@lab/storm/compare.ts'
import { type Storm, StormCount, stormSeconds } from '@lab/storm/storm.ts'
import { describe, expect, test } from 'vitest'

const closed = (replica: string | undefined, opened = true): ClientEvent => ({
  type: 'closed',
  connection: 1,
  opened,
  code: 1006,
  reason: '',
  why: 'remote',
  replica,
})
const dialling: ClientEvent = { type: 'dialling', connection: 2 }
const opened: ClientEvent = { type: 'opened', connection: 2, tookMs: 1 }
const attached: ClientEvent = { type: 'attached', connection: 2, replica: 'ws-1', connectionId: 'c', how: 'resumed', replayed: 0 }

describe('the reconnects of clients after their replica was killed', () => {
  test('are counted per second since the first closed connection', () => {
    const count = new StormCount('ws-3')
    count.take(0, dialling, 500)
    count.take(0, opened, 600)
    expect(count.hasBegun).toBe(false)
    for (const client of [0, 1, 2]) count.take(client, closed('ws-3'), 1000 + client)
    expect(count.missing).toBe(3)
    count.take(0, dialling, 1100)
    count.take(0, closed(undefined, false), 1200)
    count.take(0, dialling, 1300)
    count.take(0, opened, 1400)
    count.take(0, attached, 1500)
    count.take(1, dialling, 3100)
    count.take(1, opened, 3200)
    count.take(1, attached, 3300)
    const { dialsPerSecond, connectsPerSecond, ...rest } = count.result('naive', 4)
    expect(dialsPerSecond).toHaveLength(stormSeconds)
    expect(dialsPerSecond.slice(0, 4)).toEqual([2, 0, 1, 0])
    expect(connectsPerSecond.slice(0, 4)).toEqual([1, 0, 1, 0])
    expect(rest).toEqual({
      clients: 'naive',
      sockets: 4,
      victim: 'ws-3',
      lost: 3,
      back: 2,
      refused: 1,
      backMs: { p50: 500, p99: 2300, max: 2300 },
    })
    expect(count.missing).toBe(1)
  })

  test('exclude clients of other replicas, clients that have left, and clients that are already reconnected', () => {
    const count = new StormCount('ws-3')
    count.take(0, closed('ws-1'), 1000)
    count.take(1, { ...closed('ws-3'), why: 'left' } as ClientEvent, 1000)
    expect(count.hasBegun).toBe(false)
    count.take(2, closed('ws-3'), 1000)
    count.take(2, attached, 1100)
    count.take(2, dialling, 1200)
    count.take(0, dialling, 1200)
    expect(count.result('jittered', 3)).toMatchObject({ lost: 1, back: 1, refused: 0 })
    expect(Math.max(...count.result('jittered', 3).dialsPerSecond)).toBe(0)
  })

  test('are not counted after the end of the storm', () => {
    const count = new StormCount('ws-3')
    count.take(0, closed('ws-3'), 0)
    count.take(0, dialling, stormSeconds * 1000)
    expect(count.result('naive', 1).dialsPerSecond).toEqual(Array.from({ length: stormSeconds }, () => 0))
  })
})

const calm = { down: [], asked: 60, notReady: 0 }
const bySecond = (counts: readonly number[]) => Array.from({ length: stormSeconds }, (_, second) => counts[second] ?? 0)
const storm = (clients: Storm['clients'], dials: readonly number[], lost = 2000): Storm => ({
  clients,
  sockets: 2400,
  victim: 'ws-3',
  lost,
  back: lost,
  backMs: { p50: 400, p99: 2500, max: 3000 },
  refused: 0,
  dialsPerSecond: bySecond(dials),
  connectsPerSecond: bySecond(dials),
})
const naive = { ...storm('naive', [1900, 300]), damage: { ...calm, notReady: 4 } }
const jittered = { ...storm('jittered', [90, 110, 80]), damage: calm }

describe('two storms', () => {
  test('pass when the second peak is at most a fifth, all clients are back, and no service failed', () => {
    const comparison = compare(2000, naive, jittered)
    expect(comparison.peakRatio).toBeCloseTo(1900 / 110)
    expect(comparison.problems).toEqual([])
    const text = comparisonText(comparison)
    expect(text).toContain('The peak falls by 17.3 times.\nThe router and the other replicas stayed up.')
    expect(text).toMatch(/^ {7}2 {9}0 {9}0 {8}80 {8}80$/m)
    expect(text).not.toMatch(/^ {7}3 /m)
  })

  test.each([
    ['the peak falls less', compare(2000, naive, { ...storm('jittered', [400, 1600]), damage: calm }), /jitter reduces the peak to 0\.84/],
    ['too few clients were connected', compare(3000, naive, jittered), /naive: ws-3 had 2000 sockets when it was killed; wanted 3000/],
    ['some clients do not reconnect', compare(2000, naive, { ...jittered, back: 1900 }), /jittered: 1900 of 2000 clients reconnected/],
    [
      'the router restarted',
      compare(2000, { ...naive, damage: { ...calm, down: ['traefik has restarted'] } }, jittered),
      /naive: traefik has restarted/,
    ],
    [
      'jittered clients affect other replicas',
      compare(2000, naive, { ...jittered, damage: { ...calm, notReady: 1 } }),
      /not ready 1 of 60/,
    ],
    ['no client reconnects', compare(2000, naive, { ...storm('jittered', []), damage: calm }), /wanted 1\/5/],
  ])('fail when %s', (_, { problems }, expected) => {
    expect(problems.join('\n')).toMatch(expected)
  })
})
