/** The replicas as child processes: starting, watching, scraping, draining, killing. Numbers as Compose gives them. */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { paths, services } from '@lab/contract/endpoints.ts'
import { evaluateAt } from '../../chaos/inspector.ts'
import { parseExposition } from './exposition.ts'
import { openInspector } from './inspector-port.ts'
import { Readings, readingOf } from './readings.ts'

const main = fileURLToPath(new URL('../../services/ws/src/main.ts', import.meta.url))

/** How often a replica is asked whether it is ready and what it counts. Milliseconds. */
const watchMs = 500
/** Bound on one question, on a start, and on the time a drain may take beyond its own deadline. Milliseconds. */
const askWithinMs = 2_000
const startWithinMs = 15_000
const killAfterMs = 3_000

export interface ReplicaSettings {
  /** Environment of every replica, over the service's defaults. */
  env: Readonly<Record<string, string>>
  /** From SIGTERM to the replica's own deadline. Milliseconds. */
  drainTimeoutMs: number
  /** Told what happens, in one line. */
  say: (line: string) => void
  /** Whether the network to a replica is cut: then it is not heard of, either. */
  isCut?: (id: string) => boolean
  /** Told of each process. */
  onSpawn?: (child: ChildProcess) => void
}

export interface ReplicaProcess {
  readonly id: string
  readonly number: number
  readonly pid: number | undefined
  readonly port: number
  /** Of its metrics and its health. */
  readonly internalPort: number
  /** In the pool of the router. */
  ready: boolean
  /** Its end has begun. */
  leaving: boolean
  /** Unix seconds. */
  readonly startedAtSeconds: number
  readySinceSeconds: number
  readonly readings: Readings
}

interface Running extends ReplicaProcess {
  child: ChildProcess
  exited: Promise<unknown>
  watcher: NodeJS.Timeout | undefined
}

export class Replicas {
  private readonly running = new Map<number, Running>()
  private readonly beginning = new Map<number, ChildProcess>()
  private ended = false
  private readonly settings: ReplicaSettings

  constructor(settings: ReplicaSettings) {
    this.settings = settings
  }

  /** Those whose process runs, by number. */
  list(): readonly ReplicaProcess[] {
    return [...this.running.values()].sort((a, b) => a.number - b.number)
  }

  /** Names of those that have been started and are not ready yet. */
  starting(): string[] {
    return [...this.beginning.keys()].sort((a, b) => a - b).map(nameOf)
  }

  /** Adds replicas and waits until they are ready. Rejects when one does not get there. */
  async add(count: number): Promise<void> {
    if (this.ended) throw new Error('the lab is ending: no replica is added')
    const first = Math.max(0, ...this.running.keys(), ...this.beginning.keys()) + 1
    await Promise.all(Array.from({ length: count }, (_, i) => this.start(first + i)))
  }

  /** Drains replicas and waits until they are gone; one that hangs is killed. */
  async drain(ids: readonly string[]): Promise<void> {
    await Promise.all(
      this.chosen(ids).map(async (replica) => {
        replica.leaving = true
        replica.child.kill('SIGTERM')
        await this.gone(replica, this.settings.drainTimeoutMs + killAfterMs)
      }),
    )
  }

  /** Ends replicas on the spot, as a crash would. */
  async kill(ids: readonly string[]): Promise<void> {
    await Promise.all(
      this.chosen(ids).map(async (replica) => {
        replica.child.kill('SIGKILL')
        await replica.exited
      }),
    )
  }

  /** Stops the clock of a replica, or lets it go on: it hangs, and its sockets stay open. */
  freeze(id: string, frozen: boolean): void {
    for (const { child } of this.chosen([id])) child.kill(frozen ? 'SIGSTOP' : 'SIGCONT')
  }

  /** Puts code into a replica's process, by its debugger, which is open for that moment alone. */
  async evaluate(id: string, code: string): Promise<void> {
    for (const { child } of this.chosen([id])) await evaluateAt(await openInspector(child), code)
  }

  /** Ends all of them, for good: asked first, or at once. */
  async end(atOnce: boolean): Promise<void> {
    this.ended = true
    for (const child of this.beginning.values()) child.kill('SIGKILL')
    const ids = this.list().map(({ id }) => id)
    await (atOnce ? this.kill(ids) : this.drain(ids))
  }

  private chosen(ids: readonly string[]): Running[] {
    return [...this.running.values()].filter(({ id }) => ids.includes(id))
  }

  private async gone(replica: Running, withinMs: number): Promise<void> {
    const timer = setTimeout(() => {
      this.settings.say(`${replica.id} did not leave within ${withinMs} ms: killed`)
      replica.child.kill('SIGKILL')
    }, withinMs)
    await replica.exited
    clearTimeout(timer)
  }

  private async start(number: number): Promise<void> {
    const id = nameOf(number)
    const own = { HOST: '127.0.0.1', PORT: '0', INTERNAL_PORT: '0', REPLICA_ID: id }
    // A debugger opened by a signal takes any free port.
    const child = spawn(process.execPath, ['--inspect-port=127.0.0.1:0', main], {
      env: { PATH: process.env.PATH ?? '', ...this.settings.env, ...own },
      stdio: ['ignore', 'pipe', 'pipe'],
      // Ctrl-C goes to us; we tell the replicas.
      detached: true,
    })
    const exited = once(child, 'exit')
    this.settings.onSpawn?.(child)
    this.beginning.set(number, child)
    let complaint = ''
    child.stderr.on('data', (data) => {
      complaint = `${complaint}${data}`.slice(-2_000)
    })
    const { port, internalPort } = await Promise.race([
      listening(child),
      exited.then(([code, signal]) =>
        Promise.reject(new Error(`${id} ended at start (${code ?? signal}): ${complaint.trim() || 'it said nothing'}`)),
      ),
      tooLate(startWithinMs, `${id} was not ready within ${startWithinMs} ms`),
    ])
      .catch((error: unknown) => {
        child.kill('SIGKILL')
        throw error
      })
      .finally(() => this.beginning.delete(number))
    const startedAtSeconds = Date.now() / 1000
    const replica: Running = {
      ...{ id, number, pid: child.pid, port, internalPort, child, exited, startedAtSeconds, readings: new Readings() },
      ...{ ready: true, leaving: false, readySinceSeconds: startedAtSeconds, watcher: undefined },
    }
    this.running.set(number, replica)
    void exited.then(([code, signal]) => {
      clearTimeout(replica.watcher)
      this.running.delete(number)
      if (!replica.leaving) this.settings.say(`${id} is gone without being asked (${signal ?? `exit code ${code}`})`)
    })
    await this.watch(replica)
  }

  /** Asks again and again, one question at a time. */
  private async watch(replica: Running): Promise<void> {
    const base = `http://127.0.0.1:${replica.internalPort}`
    const ask = (path: string) => {
      if (this.settings.isCut?.(replica.id)) throw new Error(`${replica.id} is cut off`)
      return fetch(base + path, { signal: AbortSignal.timeout(askWithinMs) })
    }
    try {
      const ready = (await ask(paths.readyz)).ok
      if (ready !== replica.ready) replica.readySinceSeconds = Date.now() / 1000
      replica.ready = ready
      replica.readings.add(readingOf(parseExposition(await (await ask(paths.metrics)).text()), Date.now() / 1000))
    } catch {
      // It hangs, is cut off, or is gone: no new socket for it. Its silence shows as readings that grow old.
      if (replica.ready) replica.readySinceSeconds = Date.now() / 1000
      replica.ready = false
    }
    if (this.running.get(replica.number) === replica) replica.watcher = setTimeout(() => void this.watch(replica), watchMs)
  }
}

const nameOf = (number: number) => `${services.ws}-${number}`

/** The ports from the line that says that the service is ready; what it writes after that is read and forgotten. */
function listening(child: ChildProcess): Promise<{ port: number; internalPort: number }> {
  return new Promise((resolve) => {
    if (child.stdout === null) return
    createInterface({ input: child.stdout }).on('line', (line) => {
      if (!line.includes('"ready"')) return
      const { msg, port, internalPort } = JSON.parse(line) as { msg?: string; port: number; internalPort: number }
      if (msg === 'ready') resolve({ port, internalPort })
    })
  })
}

function tooLate(ms: number, text: string): Promise<never> {
  return new Promise((_resolve, reject) => setTimeout(() => reject(new Error(text)), ms).unref())
}
