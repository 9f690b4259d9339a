/**
 * For tests that pause, kill or empty Valkey: starts a separate Valkey with the lab's image and settings, and a TCP relay that can
 * interrupt connections.
 */
import { randomBytes } from 'node:crypto'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'
import { docker } from '@lab/host/docker.ts'
import { until } from '@lab/host/until.ts'
import { composeServices, imageOf } from './compose-file.ts'

export interface Valkey {
  port: number
  cli(...args: string[]): Promise<string>
  /** Runs a Docker command, such as `pause` or `restart`, on this Valkey's container. */
  does(...action: string[]): Promise<void>
  remove(): Promise<void>
}

/** Starts a Valkey instance on a free port of the loopback address. */
export async function startValkey(): Promise<Valkey> {
  const name = `labtest-valkey-${process.pid}-${randomBytes(3).toString('hex')}`
  const port = await freePort()
  const command = composeServices.valkey?.command ?? []
  const limits = ['--memory', '256m', '--volume', '/data', '--publish', `127.0.0.1:${port}:6379`]
  await docker(['run', '--detach', '--name', name, '--read-only', '--user', 'valkey', ...limits, imageOf('valkey'), ...command])
  const cli = (...args: string[]) => docker(['exec', name, 'valkey-cli', ...args])
  const remove = async () => void (await docker(['rm', '--force', '--volumes', name]))
  try {
    await until('Valkey answers', async () => (await cli('ping')) === 'PONG', { withinMs: 20_000 })
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

/** A TCP relay between one replica and Valkey. */
export interface Relay {
  port: number
  /** How many times replicas have tried to connect to the relay since it started. */
  dials(): number
  /** Resets all current connections and, until `restore` is called, every new one. */
  cut(): void
  /** Holds back Valkey's replies until `restore` is called. */
  holdAnswers(): void
  restore(): void
  close(): void
}

export async function startRelay(to: number): Promise<Relay> {
  const pairs = new Set<{ near: Socket; far: Socket }>()
  let state: 'open' | 'cut' | 'holding' = 'open'
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
    if (state === 'holding') far.unpipe(near).pause()
    for (const socket of [near, far]) {
      // If one side (the replica or Valkey) closes a relayed connection, the relay also closes the connection to the other side.
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
    holdAnswers: () => {
      state = 'holding'
      for (const { near, far } of pairs) far.unpipe(near).pause()
    },
    restore: () => {
      if (state === 'holding') for (const { near, far } of pairs) far.pipe(near)
      state = 'open'
    },
    close: () => {
      server.close()
      for (const { near } of pairs) near.destroy()
    },
  }
}
