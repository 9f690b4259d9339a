/** Runs the service in a separate process. */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { onTestFinished } from 'vitest'
import type { SettingName } from '../src/config.ts'
import { type Env, eventually } from './harness.ts'

const main = new URL('../src/main.ts', import.meta.url).pathname

export interface ServiceProcess {
  child: ChildProcess
  /** The process's output so far. */
  stdout(): string
  stderr(): string
  /** The process's log lines so far. Throws an error if a log line is not JSON. */
  log(): Record<string, unknown>[]
  /** The process's exit code, and the time from its start to its exit. */
  exited: Promise<{ code: number | null; afterMs: number }>
}

/**
 * Starts the service without the environment variables of the test process. The process is killed after the test if it is still running.
 */
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
  // A process emits its 'close' event only after all of its output has been read.
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
  const ready = await eventually(find, (found) => typeof found === 'object', 'the service is ready')
  const { port, internalPort } = ready as { port: number; internalPort: number }
  return { ...service, port, internalPort }
}
