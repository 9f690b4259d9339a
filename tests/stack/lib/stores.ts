/** Replicas' stores on a Valkey that a test file has for itself, and ends of them when a test is over. */
import { afterAll, afterEach, beforeAll } from 'vitest'
import { LogUser } from '../../../services/ws/test/suites/room-log-suite.ts'
import { until } from './until.ts'
import { layWire, startValkey, storesOn, type TestStores, type Valkey, type Wire } from './valkey.ts'

type Env = Parameters<typeof storesOn>[2]

let valkey: Valkey
const cleanUps: (() => Promise<void> | void)[] = []

/** Starts a Valkey before a file's first test and removes it after the last. @returns how to reach it, from within tests */
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

/** Done when the test is over, last thing first. */
export function cleanUpBy(cleanUp: () => Promise<void> | void): void {
  cleanUps.push(cleanUp)
}

export async function empty(): Promise<void> {
  await valkey.cli('FLUSHALL')
}

/** The stores of a replica, which may not have reached Valkey yet. */
export async function startStores(id: string, env?: Env, port = valkey.port): Promise<TestStores> {
  const stores = await storesOn(port, id, env)
  cleanUpBy(() => stores.stop())
  return stores
}

/** The stores of a replica, connected. */
export async function replica(id: string, env?: Env, port?: number): Promise<TestStores> {
  const stores = await startStores(id, env, port)
  await until(`${id} reaches Valkey`, () => stores.sessions.healthy(), 5_000, 10)
  return stores
}

/** A replica with its room log started. */
export async function logUser(id: string, env?: Env, port?: number): Promise<LogUser & { stores: TestStores }> {
  const stores = await replica(id, env, port)
  return Object.assign(await new LogUser(stores.roomLog).start(), { stores })
}

/** A wire to Valkey that can be cut. */
export async function wire(): Promise<Wire> {
  const laid = await layWire(valkey.port)
  cleanUpBy(laid.close)
  return laid
}

export const sorted = (texts: string[]) => [...texts].sort()
