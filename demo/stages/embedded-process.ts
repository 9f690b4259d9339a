/** An embedded lab of a stage's own: a process, ready when it says where its page is, and gone when the stage is. */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { startGuard } from '../../embedded/src/guard.ts'
import { findValkey, startValkey, type ValkeyServer } from '../../embedded/src/valkey-server.ts'
import { openDoor } from './valkey-door.ts'

const main = fileURLToPath(new URL('../../embedded/src/main.ts', import.meta.url))
const startWithinMs = 60_000
/** Each replica drains for up to 10 s; then it is ended at once. */
const endWithinMs = 20_000

export interface OwnLab {
  /** Its live page. */
  readonly page: string
  /** Undefined: replicas work alone. */
  readonly valkey: ValkeyServer | undefined
  end(): Promise<void>
}

export interface OwnLabSettings {
  timeScale: number
  /** A Valkey to use; without it one is started where the program is installed. */
  valkeyUrl?: string
  /** Ports of the entry and of the page; 0 takes a free one. */
  port?: number
  pagePort?: number
}

/** Starts it. Rejects with what it complained of, and leaves nothing behind then. */
export async function startOwnLab({ timeScale, valkeyUrl, port = 0, pagePort = 0 }: OwnLabSettings): Promise<OwnLab> {
  const folder = await mkdtemp(join(tmpdir(), 'lab-demo-'))
  const guard = startGuard(() => undefined)
  const clean = async () => {
    guard.end()
    await rm(folder, { recursive: true, force: true })
  }
  let valkey: Awaited<ReturnType<typeof valkeyOf>>
  try {
    valkey = await valkeyOf(valkeyUrl, folder, guard.watch)
    const url = valkey?.url
    const options = ['--port', port, '--page-port', pagePort, '--state', join(folder, 'state'), '--time-scale', timeScale]
    // Ctrl-C is the director's: the lab ends when everything was undone.
    const lab = spawn(process.execPath, [main, ...options.map(String), '--valkey', url ?? 'none'], {
      stdio: ['ignore', 'pipe', 'pipe'],
      detached: true,
    })
    guard.watch(lab)
    const exited = once(lab, 'exit')
    const page = await ready(lab, exited).catch((error: unknown) => {
      lab.kill('SIGKILL')
      throw error
    })
    const end = async () => {
      const timers = [setTimeout(() => lab.kill('SIGINT'), endWithinMs), setTimeout(() => lab.kill('SIGKILL'), endWithinMs + 5_000)]
      if (lab.exitCode === null && lab.signalCode === null) {
        lab.kill('SIGINT')
        await exited
      }
      for (const timer of timers) clearTimeout(timer)
      await valkey?.end()
      await clean()
    }
    return { page, valkey, end }
  } catch (error) {
    await valkey?.end()
    await clean()
    throw error
  }
}

async function valkeyOf(url: string | undefined, folder: string, onSpawn: (child: ChildProcess) => void) {
  if (url !== undefined) return openDoor(url)
  const program = findValkey()
  return program === undefined ? undefined : startValkey(program, folder, onSpawn)
}

/** Resolves with where the page is. */
async function ready(lab: ReturnType<typeof spawn>, exited: Promise<unknown>): Promise<string> {
  let said = ''
  const page = new Promise<string>((resolve) => {
    for (const stream of [lab.stdout, lab.stderr])
      stream?.on('data', (data) => {
        said = `${said}${data}`.slice(-4_000)
        const found = /live page +(http\S+)[\s\S]*Ctrl-C ends it/.exec(said)?.[1]
        if (found !== undefined) resolve(found)
      })
  })
  const lines = () => said.trim().split('\n').slice(-3).join('; ')
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(
      () => reject(new Error(`the embedded lab was not ready within ${startWithinMs / 1000} s: ${lines()}`)),
      startWithinMs,
    )
  })
  const ended = exited.then(() => Promise.reject(new Error(`the embedded lab ended at start: ${lines()}`)))
  return Promise.race([page, late, ended]).finally(() => clearTimeout(timer))
}
