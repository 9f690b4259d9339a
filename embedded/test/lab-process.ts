/** Starts the embedded lab as a separate process, as a user would. */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { type EmbeddedState, embeddedPaths } from '@lab/contract/embedded-api.ts'
import { expect, vi } from 'vitest'

const main = fileURLToPath(new URL('../src/main.ts', import.meta.url))

export interface Started {
  process: ChildProcess
  output(): string
  /** Resolves with the process's exit code, or with the name of the signal that ended it. */
  exited: Promise<number | string>
  /** Kills the process. */
  end(): Promise<void>
}

/** Runs the embedded lab's start command on free ports, with a new state folder. */
export async function command(...options: string[]): Promise<Started> {
  const state = await mkdtemp(join(tmpdir(), 'embedded-'))
  const lab = spawn(process.execPath, [main, '--port', '0', '--page-port', '0', '--state', state, ...options], {
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let output = ''
  for (const stream of [lab.stdout, lab.stderr]) stream.on('data', (data) => (output += data))
  const exited = once(lab, 'exit').then(([code, signal]) => code ?? signal)
  const end = async () => {
    lab.kill('SIGKILL')
    await exited
    await rm(state, { recursive: true, force: true })
  }
  return { process: lab, output: () => output, exited, end }
}

/** Starts a lab, waits until it is ready, and lists its child processes. */
export async function lab(...options: string[]) {
  const started = await command(...options)
  await vi.waitFor(() => expect(started.output()).toContain('Ctrl-C ends the lab'), { timeout: 20_000 })
  const url = (what: string) => new RegExp(`${what} +(http\\S+)`).exec(started.output())?.[1] ?? ''
  const state = async () => (await (await fetch(url('live page') + embeddedPaths.state)).json()) as EmbeddedState
  return { ...started, page: url('live page'), entry: url('test client page'), state, family: await childrenOf(started.process.pid) }
}

/** Returns the ids of a process's child processes. */
export async function childrenOf(pid: number | undefined): Promise<number[]> {
  const ps = spawn('ps', ['-A', '-o', 'pid=,ppid='], { stdio: ['ignore', 'pipe', 'ignore'] })
  let text = ''
  ps.stdout.on('data', (data) => (text += data))
  await once(ps, 'close')
  const pairs = text.split('\n').map((line) => line.trim().split(/\s+/).map(Number))
  return pairs.flatMap(([child = 0, parent]) => (parent === pid && child !== ps.pid ? [child] : []))
}

export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch {
    return false
  }
}

/** Waits until none of the given processes is running. */
export const noneLeft = (family: readonly number[], withinMs: number) =>
  expect.poll(() => family.filter(isAlive), { timeout: withinMs, interval: 100 }).toEqual([])
