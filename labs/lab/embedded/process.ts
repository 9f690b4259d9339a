/** Starts an embedded lab as a separate process, and stops it again. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { startGuard } from '@lab/embedded/guard.ts'
import { type Store, startStore } from '@lab/embedded/store.ts'
import { type EmbeddedLab, embeddedLab } from './lab.ts'
import { relayTo } from './store-relay.ts'

const main = fileURLToPath(new URL('../../../embedded/src/main.ts', import.meta.url))
const startWithinMs = 60_000
/**
 * How long the embedded lab may take to exit, given that each replica drains for up to 10 s. Once this time has passed, a second signal
 * ends the lab immediately.
 */
const endWithinMs = 20_000

export interface OwnLab {
  /** Address of the live page. */
  readonly page: string
  /** The Valkey store that all replicas of the embedded lab share. */
  readonly store: Store
  end(): Promise<void>
}

export interface OwnLabSettings {
  timeScale: number
  /** Address of a Valkey server to use instead of the lab's own store. */
  valkeyUrl?: string
  /** Ports of the router and of the live page; 0 selects any free port. */
  port?: number
  pagePort?: number
}

/**
 * Starts an embedded lab whose store can be stopped. Calling `close` stops the embedded lab. Rejects with a one-line error if the lab fails
 * to start.
 */
export async function startEmbeddedLab(settings: OwnLabSettings): Promise<EmbeddedLab> {
  const own = await startOwnLab(settings)
  try {
    const lab = await embeddedLab(own.page, own.store.set)
    return { ...lab, close: () => own.end() }
  } catch (error) {
    await own.end()
    throw error
  }
}

/**
 * Starts the processes. If the embedded lab fails to start, its processes are killed, and the error contains the last lines that they
 * printed.
 */
export async function startOwnLab({ timeScale, valkeyUrl, port = 0, pagePort = 0 }: OwnLabSettings): Promise<OwnLab> {
  const folder = await mkdtemp(join(tmpdir(), 'embedded-lab-'))
  const guard = startGuard(() => undefined)
  const clean = async () => {
    guard.end()
    await rm(folder, { recursive: true, force: true })
  }
  // The store runs in this process, so that the caller can stop and restart it.
  const store = await (valkeyUrl === undefined ? startStore() : relayTo(valkeyUrl))
  try {
    const options = ['--port', port, '--page-port', pagePort, '--state', join(folder, 'state'), '--time-scale', timeScale]
    // The lab has its own process group, so that Ctrl-C reaches only the command, which undoes its changes and then stops the lab.
    const lab = spawn(process.execPath, [main, ...options.map(String), '--valkey', store.url], {
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
      await store.end()
      await clean()
    }
    return { page, store, end }
  } catch (error) {
    await store.end()
    await clean()
    throw error
  }
}

/** Resolves with the address of the live page once the lab is ready. */
async function ready(lab: ReturnType<typeof spawn>, exited: Promise<unknown>): Promise<string> {
  let output = ''
  const page = new Promise<string>((resolve) => {
    for (const stream of [lab.stdout, lab.stderr])
      stream?.on('data', (data) => {
        output = `${output}${data}`.slice(-4_000)
        const found = /live page +(http\S+)[\s\S]*Ctrl-C ends the lab/.exec(output)?.[1]
        if (found !== undefined) resolve(found)
      })
  })
  const lines = () => output.trim().split('\n').slice(-3).join('; ')
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
