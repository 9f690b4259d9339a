/** A Valkey of its own for tests that pause, kill and empty it: the lab's image with the lab's settings, and a wire to it that can be cut. */
import { randomBytes } from 'node:crypto'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'
import { type Config, readConfig, type SettingName } from '../../../services/ws/src/config.ts'
import type { Stores } from '../../../services/ws/src/stores.ts'
import { valkeyStores } from '../../../services/ws/src/valkey/stores.ts'
import { composeServices, imageOf } from './compose-file.ts'
import { docker } from './docker.ts'
import { until } from './until.ts'

export interface Valkey {
  port: number
  cli(...args: string[]): Promise<string>
  /** `docker pause`, `unpause`, `restart`, … of its container. */
  does(...action: string[]): Promise<void>
  remove(): Promise<void>
}

/** Starts it on a free port of the loopback address. */
export async function startValkey(): Promise<Valkey> {
  const name = `labtest-valkey-${process.pid}-${randomBytes(3).toString('hex')}`
  const port = await freePort()
  const command = composeServices.valkey?.command ?? []
  const limits = ['--memory', '256m', '--volume', '/data', '--publish', `127.0.0.1:${port}:6379`]
  await docker(['run', '--detach', '--name', name, '--read-only', '--user', 'valkey', ...limits, imageOf('valkey'), ...command])
  const cli = (...args: string[]) => docker(['exec', name, 'valkey-cli', ...args])
  const remove = async () => void (await docker(['rm', '--force', '--volumes', name]))
  try {
    await until('Valkey answers', async () => (await cli('ping')) === 'PONG', 20_000)
  } catch (error) {
    await remove()
    throw error
  }
  return {
    port,
    cli,
    does: async (action, ...args) => void (await docker([action ?? '', ...args, name])),
    remove,
  }
}

async function freePort(): Promise<number> {
  const server = createServer()
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  await new Promise((resolve) => server.close(resolve))
  return port
}

/** A TCP relay: one replica's wire to Valkey. */
export interface Wire {
  port: number
  /** How many connections were tried. */
  dials(): number
  /** Resets all connections; new ones are reset as well until `mend`. */
  cut(): void
  /** Keeps back what Valkey answers, until `mend`. */
  hush(): void
  mend(): void
  close(): void
}

export async function layWire(to: number): Promise<Wire> {
  const pairs = new Set<{ near: Socket; far: Socket }>()
  let state: 'whole' | 'cut' | 'hushed' = 'whole'
  let dials = 0
  const server = createServer((near) => {
    dials++
    if (state === 'cut') {
      near.resetAndDestroy()
      return
    }
    const far = connect(to, '127.0.0.1')
    const pair = { near, far }
    pairs.add(pair)
    near.pipe(far)
    far.pipe(near)
    if (state === 'hushed') far.unpipe(near).pause()
    for (const socket of [near, far]) {
      // An end of one is the end of both.
      socket.on('error', () => {})
      socket.on('close', () => {
        pairs.delete(pair)
        near.destroy()
        far.destroy()
      })
    }
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    port: (server.address() as AddressInfo).port,
    dials: () => dials,
    cut: () => {
      state = 'cut'
      for (const { near } of pairs) near.resetAndDestroy()
    },
    hush: () => {
      state = 'hushed'
      for (const { near, far } of pairs) far.unpipe(near).pause()
    },
    mend: () => {
      if (state === 'hushed') for (const { near, far } of pairs) far.pipe(near)
      state = 'whole'
    },
    close: () => {
      server.close()
      for (const { near } of pairs) near.destroy()
    },
  }
}

export interface TestStores extends Stores {
  logged: { level: 'info' | 'error'; text: string }[]
}

/** The stores of a replica, with default settings but for those given. */
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
  return result.config
}
