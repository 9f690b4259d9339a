/** Gives each test file its own Valkey instance for its replicas' stores. The stores are closed when a test ends. */

import { until } from '@lab/host/until.ts'
import { LogUser } from '@lab/ws/test/suites/room-log-suite.ts'
import { storesOn, type TestStores } from '@lab/ws/test/suites/stores-on.ts'
import { afterAll, afterEach, beforeAll } from 'vitest'
import { type Relay, startRelay, startValkey, type Valkey } from './valkey.ts'

type Env = Parameters<typeof storesOn>[2]

let valkey: Valkey
const cleanUps: (() => Promise<void> | void)[] = []

/**
 * Starts a Valkey instance before a file's first test, and removes it after the last test.
 * @returns a function that returns the test file's Valkey; it may be called only within tests
 */
export function useValkey(): () => Valkey {
  beforeAll(async () => {
    valkey = await startValkey()
  })
  afterAll(() => valkey?.remove())
  afterEach(async () => {
    for (const cleanUp of cleanUps.splice(0).reverse()) await cleanUp()
  })
  return () => valkey
}

/** Cleanup steps, which run in reverse order when the test ends. */
export function cleanUpBy(cleanUp: () => Promise<void> | void): void {
  cleanUps.push(cleanUp)
}

export async function empty(): Promise<void> {
  await valkey.cli('FLUSHALL')
}

/** Saves the current data of the test file's Valkey. @returns a function that restores the saved data, discarding all later changes */
export async function backUp(): Promise<() => Promise<void>> {
  const run = (lua: string) => valkey.cli('EVAL', lua, '0')
  await run(`for _, key in ipairs(redis.call('KEYS', 'lab:*')) do redis.call('COPY', key, 'backup:' .. key, 'REPLACE') end`)
  return async () => {
    await run(
      `for _, key in ipairs(redis.call('KEYS', 'lab:*')) do redis.call('DEL', key) end
       for _, key in ipairs(redis.call('KEYS', 'backup:*')) do redis.call('RENAME', key, string.sub(key, 8)) end`,
    )
  }
}

/** Returns the stores of a replica that may not be connected to Valkey yet. */
export async function startStores(id: string, env?: Env, port = valkey.port): Promise<TestStores> {
  const stores = await storesOn(port, id, env)
  cleanUpBy(() => stores.stop())
  return stores
}

/** Returns the stores of a replica that is connected to Valkey. */
export async function replica(id: string, env?: Env, port?: number): Promise<TestStores> {
  const stores = await startStores(id, env, port)
  await until(`${id} reaches Valkey`, () => stores.sessions.healthy(), { withinMs: 5_000, everyMs: 10 })
  return stores
}

/** Returns the stores of a connected replica, after starting its room log, which records all messages. */
export async function logUser(id: string, env?: Env, port?: number): Promise<LogUser & { stores: TestStores }> {
  const stores = await replica(id, env, port)
  return Object.assign(await new LogUser(stores.roomLog).start(), { stores })
}

/** Starts a TCP relay to Valkey that a test can interrupt. */
export async function openRelay(): Promise<Relay> {
  const relay = await startRelay(valkey.port)
  cleanUpBy(relay.close)
  return relay
}

export const sorted = (texts: string[]) => [...texts].sort()
