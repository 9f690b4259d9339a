import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { readConfig } from './config.ts'
import type { Hub } from './hub.ts'
import type { Log } from './ports.ts'
import { startRebalancer } from './rebalancer.ts'
import type { ReplicaLoad } from './stores.ts'

beforeEach(() => void vi.useFakeTimers())
afterEach(() => void vi.useRealTimers())

/** A replica with a thousand sockets beside an empty one, for ten seconds; ended after `endAfterMs`. Returns how many it asked to go, and why. */
function tenSeconds(env: Record<string, string>, endAfterMs = 10_000) {
  const read = readConfig(env)
  if (!read.ok) throw new Error(read.problems.join())
  const said: { count: number; reason: string; windowMs: number }[] = []
  const hub: Pick<Hub, 'size' | 'leaving' | 'sayGoodbye'> = {
    size: 1000,
    leaving: 0,
    sayGoodbye: ({ count, reason, windowMs }) => {
      said.push({ count, reason, windowMs })
      return count
    },
  }
  const replicas = { announce: () => {}, all: (): ReplicaLoad[] => [load('ws-1', 1000), load('ws-2', 0)] }
  const clock = { now: Date.now, steady: () => performance.now() }
  const log = { info: () => {} } as unknown as Log
  const end = startRebalancer({ config: read.config, id: 'ws-1', clock, hub: hub as Hub, replicas, log })
  vi.advanceTimersByTime(endAfterMs)
  end()
  vi.advanceTimersByTime(10_000 - endAfterMs)
  return said
}

const load = (id: string, connections: number): ReplicaLoad => ({ id, state: 'ready', connections })

test('asks for a balance, with little time to come back', () => {
  const said = tenSeconds({})
  expect(said.length).toBeGreaterThan(3)
  for (const one of said) expect(one).toEqual({ count: 20, reason: 'rebalancing', windowMs: 1000 })
})

test('does nothing with REBALANCE=off', () => {
  expect(tenSeconds({ REBALANCE: 'off' })).toEqual([])
})

test('does nothing once it was ended', () => {
  expect(tenSeconds({}, 3000)).toEqual([])
})
