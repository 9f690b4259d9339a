/** The service as its own process, as people start it. */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { onTestFinished } from 'vitest'
import type { SettingName } from '../src/config.ts'
import { type Env, until } from './harness.ts'

const main = new URL('../src/main.ts', import.meta.url).pathname

export interface ServiceProcess {
  child: ChildProcess
  /** What it wrote so far. */
  stdout(): string
  stderr(): string
  /** Its log so far. Throws when a line is not JSON. */
  log(): Record<string, unknown>[]
  /** Exit code and time from start to exit. */
  exited: Promise<{ code: number | null; afterMs: number }>
}

/** Starts the service. It is killed with the test if it still runs. Settings that are not given come from no environment but the defaults. */
export function startProcess(env: Env = {}, extra: Record<string, string> = {}): ServiceProcess {
  const startedAt = performance.now()
  const base: Partial<Record<SettingName, string | number>> = {
    HOST: '127.0.0.1',
    PORT: 0,
    INTERNAL_PORT: 0,
    REPLICA_ID: 'ws-child',
    LAST_SCRAPE_TIMEOUT: 0,
  }
  const given = Object.entries({ ...base, ...env }).map(([name, value]) => [name, String(value)])
  const child = spawn(process.execPath, [main], { env: { ...Object.fromEntries(given), ...extra }, stdio: ['ignore', 'pipe', 'pipe'] })
  let [out, err] = ['', '']
  child.stdout.on('data', (data) => (out += data))
  child.stderr.on('data', (data) => (err += data))
  // 'close' comes when everything it wrote has been read.
  const exited = once(child, 'close').then(([code]) => ({ code: code as number | null, afterMs: performance.now() - startedAt }))
  onTestFinished(async () => {
    child.kill('SIGKILL')
    await exited
  })
  const lines = () =>
    out
      .slice(0, out.lastIndexOf('\n') + 1)
      .split('\n')
      .filter(Boolean)
  return {
    child,
    stdout: () => out,
    stderr: () => err,
    log: () => lines().map((line) => JSON.parse(line) as Record<string, unknown>),
    exited,
  }
}

/** Starts the service and waits until it is ready. */
export async function readyProcess(env: Env = {}): Promise<ServiceProcess & { port: number; internalPort: number }> {
  const service = startProcess(env)
  const find = () => service.log().find(({ msg }) => msg === 'ready') ?? service.stderr()
  const ready = await until(find, (found) => typeof found === 'object', 'the service is ready')
  const { port, internalPort } = ready as { port: number; internalPort: number }
  return { ...service, port, internalPort }
}
