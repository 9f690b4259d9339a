/**
 * Creates a replica's shared stores without starting the replica. Tests use these stores to check their backend, which is either Valkey or
 * the embedded lab's store.
 */
import { type Config, readConfig, type SettingName } from '../../src/config.ts'
import type { Stores } from '../../src/stores.ts'
import { valkeyStores } from '../../src/valkey/stores.ts'

export interface TestStores extends Stores {
  logged: { level: 'info' | 'error'; text: string }[]
}

/** Returns the stores of a replica that uses the Valkey instance on a local port. Any setting that is not given has its default value. */
export async function storesOn(port: number, id: string, env: Partial<Record<SettingName, string | number>> = {}): Promise<TestStores> {
  const logged: TestStores['logged'] = []
  const clock = { now: Date.now, steady: () => performance.now() }
  const note = (level: 'info' | 'error') => (_: object, text: string) => void logged.push({ level, text })
  const stores = await valkeyStores(config({ VALKEY_URL: `valkey://127.0.0.1:${port}`, ...env }), {
    id,
    clock,
    log: { info: note('info'), error: note('error') },
  })
  return { ...stores, logged }
}

function config(env: Partial<Record<SettingName, string | number>>): Config {
  const result = readConfig(Object.fromEntries(Object.entries(env).map(([name, value]) => [name, String(value)])))
  if (!result.ok) throw new Error(result.problems.join('\n'))
  return result.value
}
