import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { readConfig } from './config.ts'
import type { Hub } from './hub.ts'
import type { Log } from './ports.ts'
import { startRebalancer } from './rebalancer.ts'
import type { ReplicaLoad } from './stores.ts'

beforeEach(() => void vi.useFakeTimers())
afterEach(() => void vi.useRealTimers())

/**
 * Runs a replica with a thousand sockets alongside an empty replica for ten seconds, and stops the rebalancer after `endAfterMs`. Returns
 * the goodbyes.
 */
function tenSeconds(
  env: Record<string, string>,
  endAfterMs = 10_000,
  { rollingOut = false, other = {} }: { rollingOut?: boolean; other?: Partial<ReplicaLoad> } = {},
) {
  const read = readConfig(env)
  if (!read.ok) throw new Error(read.problems.join())
  const said: { count: number; reason: string; windowMs: number }[] = []
  const hub: Pick<Hub, 'size' | 'askedToReconnect' | 'sayGoodbye'> = {
    size: 1000,
    askedToReconnect: () => 0,
    sayGoodbye: ({ count, reason, windowMs }) => {
      said.push({ count, reason, windowMs })
      return count
    },
  }
  const all = (): ReplicaLoad[] => [load('ws-1', 1000), { ...load('ws-2', 0), ...other }]
  const replicas = { announce: () => {}, all, isRollingOut: () => rollingOut }
  const clock = { now: Date.now, steady: () => performance.now() }
  const log = { info: () => {} } as unknown as Log
  const end = startRebalancer({ config: read.value, id: 'ws-1', clock, hub: hub as Hub, replicas, log })
  vi.advanceTimersByTime(endAfterMs)
  end()
  vi.advanceTimersByTime(10_000 - endAfterMs)
  return said
}

const load = (id: string, connections: number): ReplicaLoad => ({ id, state: 'ready', connections })

test('sends goodbyes for rebalancing, with a short window', () => {
  const said = tenSeconds({})
  expect(said.length).toBeGreaterThan(3)
  for (const one of said) expect(one).toEqual({ count: 20, reason: 'rebalancing', windowMs: 1000 })
})

test('does nothing with REBALANCE=off', () => {
  expect(tenSeconds({ REBALANCE: 'off' })).toEqual([])
})

test('does nothing while a rollout is under way', () => {
  expect(tenSeconds({}, 10_000, { rollingOut: true })).toEqual([])
})

test('does nothing after it was stopped', () => {
  expect(tenSeconds({}, 3000)).toEqual([])
})

test('leaves the balance with replicas of the other colour to the deploy', () => {
  expect(tenSeconds({}, 10_000, { other: { colour: 'green' } })).toEqual([])
  expect(tenSeconds({ LAB_COLOUR: 'green' }, 10_000, { other: { colour: 'green' } }).length).toBeGreaterThan(3)
})
