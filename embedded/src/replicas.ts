/**
 * Runs the replicas as child processes: starts, probes, scrapes, drains and kills them. Replicas are numbered in the same way as with
 * Compose.
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { type Colour, colours, paths, services } from '@lab/contract/endpoints.ts'
import { evaluateAt } from '@lab/host/inside/inspector.ts'
import { parseExposition } from './exposition.ts'
import { openInspector } from './inspector-port.ts'
import { ReplicaScrapes, scrapeOf } from './replica-scrapes.ts'

const main = fileURLToPath(new URL('../../services/ws/src/main.ts', import.meta.url))

/** Interval at which the lab probes a replica's readiness and scrapes its metrics. Milliseconds. */
const watchMs = 500
/** Timeouts in ms for one request, for a replica's start, and for a replica's exit after the drain deadline. */
const askWithinMs = 2_000
const startWithinMs = 15_000
const killAfterMs = 3_000

export interface ReplicaSettings {
  /** Environment variables set for every replica; these override the service's defaults. */
  env: Readonly<Record<string, string>>
  /** Time from SIGTERM until the replica's drain deadline. Milliseconds. */
  drainTimeoutMs: number
  /** Called with one log line for each replica event. */
  say: (line: string) => void
  /** Whether a replica is cut off from the network. The lab neither probes nor scrapes a replica that is cut off. */
  isCut?: (id: string) => boolean
  /** Called for each replica process that is started. */
  onSpawn?: (child: ChildProcess) => void
}

/** A replica version: a name, a colour, and environment variables in addition to those that every replica gets. */
export interface ReplicaVersion {
  readonly name: string
  readonly colour: Colour
  readonly env: Readonly<Record<string, string>>
}

export interface ReplicaProcess {
  readonly id: string
  readonly number: number
  readonly pid: number | undefined
  readonly port: number
  /** Port on which the replica serves its metrics and health checks. */
  readonly internalPort: number
  readonly version: ReplicaVersion
  /** Whether the router may send new sockets to the replica. */
  ready: boolean
  /** Whether the replica is draining or has been killed. */
  leaving: boolean
  /** Unix seconds. */
  readonly startedAtSeconds: number
  readySinceSeconds: number
  readonly scrapes: ReplicaScrapes
}

interface Running extends ReplicaProcess {
  child: ChildProcess
  exited: Promise<unknown>
  watcher: NodeJS.Timeout | undefined
}

export class Replicas {
  /** The version that new replicas run. */
  version: ReplicaVersion = { name: 'v1', colour: colours[0], env: {} }
  /** The colour that receives new sockets while there are replicas of two colours. */
  live: Colour = colours[0]
  private readonly running = new Map<number, Running>()
  private readonly beginning = new Map<number, ChildProcess>()
  private ended = false
  private readonly settings: ReplicaSettings

  constructor(settings: ReplicaSettings) {
    this.settings = settings
  }

  /** Returns the replicas that are running, sorted by number. */
  list(): readonly ReplicaProcess[] {
    return [...this.running.values()].sort((a, b) => a.number - b.number)
  }

  /**
   * Returns the replicas that receive new sockets: of the ready replicas, those of the live colour, and of these, those of the current
   * version. A criterion that no ready replica meets is ignored. During a rollout, new sockets go to replicas of the new version, so that
   * each client reconnects only once.
   */
  serving(): readonly ReplicaProcess[] {
    const ready = this.list().filter((replica) => replica.ready && !replica.leaving)
    const live = orAll(ready, ({ version }) => version.colour === this.live)
    return orAll(live, ({ version }) => version.name === this.version.name)
  }

  /** Returns the names of the replicas that are still starting. */
  starting(): string[] {
    return [...this.beginning.keys()].sort((a, b) => a - b).map(nameOf)
  }

  /**
   * Adds replicas and waits until they are ready. Rejects if one of the new replicas does not become ready, but only after every other new
   * replica has become ready or has failed as well.
   */
  async add(count: number): Promise<void> {
    if (this.ended) throw new Error('the lab is ending: no replica is added')
    const first = Math.max(0, ...this.running.keys(), ...this.beginning.keys()) + 1
    const started = await Promise.allSettled(Array.from({ length: count }, (_, i) => this.start(first + i)))
    for (const one of started) if (one.status === 'rejected') throw one.reason
  }

  /** Drains replicas and waits until they have exited; a replica that hangs is killed. */
  async drain(ids: readonly string[]): Promise<void> {
    await Promise.all(
      this.chosen(ids).map(async (replica) => {
        replica.leaving = true
        replica.child.kill('SIGTERM')
        await this.gone(replica, this.settings.drainTimeoutMs + killAfterMs)
      }),
    )
  }

  /** Kills replicas with SIGKILL, as a crash would, and waits until they have exited. */
  async kill(ids: readonly string[]): Promise<void> {
    await Promise.all(
      this.chosen(ids).map(async (replica) => {
        replica.leaving = true
        replica.child.kill('SIGKILL')
        await replica.exited
      }),
    )
  }

  /** Suspends a replica with SIGSTOP, or resumes it with SIGCONT. A suspended replica hangs, but its sockets stay open. */
  freeze(id: string, frozen: boolean): void {
    for (const { child } of this.chosen([id])) child.kill(frozen ? 'SIGSTOP' : 'SIGCONT')
  }

  /** Evaluates code in a replica's process through its inspector, which is open only during the call. */
  async evaluate(id: string, code: string): Promise<void> {
    for (const { child } of this.chosen([id])) await evaluateAt(await openInspector(child), code)
  }

  /** Stops all replicas with SIGTERM, or with SIGKILL if `atOnce` is set, and prevents any new replicas from starting. */
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
    const { version } = this
    const own = {
      HOST: '127.0.0.1',
      PORT: '0',
      INTERNAL_PORT: '0',
      REPLICA_ID: id,
      LAB_VERSION: version.name,
      LAB_COLOUR: version.colour,
      ...version.env,
    }
    // With port 0, the replica's inspector listens on any free port once SIGUSR1 opens it.
    const child = spawn(process.execPath, ['--inspect-port=127.0.0.1:0', main], {
      env: { PATH: process.env.PATH ?? '', ...this.settings.env, ...own },
      stdio: ['ignore', 'pipe', 'pipe'],
      // Ctrl-C must reach only the lab, which then drains the replicas.
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
        Promise.reject(new Error(`${id} ended at start (${code ?? signal}): ${complaint.trim() || 'no output on stderr'}`)),
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
      id,
      number,
      version,
      pid: child.pid,
      port,
      internalPort,
      child,
      exited,
      startedAtSeconds,
      scrapes: new ReplicaScrapes(),
      ready: true,
      leaving: false,
      readySinceSeconds: startedAtSeconds,
      watcher: undefined,
    }
    this.running.set(number, replica)
    void exited.then(([code, signal]) => {
      clearTimeout(replica.watcher)
      this.running.delete(number)
      if (!replica.leaving) this.settings.say(`${id} exited unexpectedly (${signal ?? `exit code ${code}`})`)
    })
    await this.watch(replica)
  }

  /** Probes and scrapes a replica at regular intervals, one request at a time. */
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
      replica.scrapes.add(scrapeOf(parseExposition(await (await ask(paths.metrics)).text()), Date.now() / 1000))
    } catch {
      // A replica that hangs, has exited or is cut off from the network gets no new sockets, and its last scrape becomes stale.
      if (replica.ready) replica.readySinceSeconds = Date.now() / 1000
      replica.ready = false
    }
    if (this.running.get(replica.number) === replica) replica.watcher = setTimeout(() => void this.watch(replica), watchMs)
  }
}

const nameOf = (number: number) => `${services.ws}-${number}`

/**
 * Resolves with the ports from the replica's "ready" log line. Output after the "ready" line is discarded, so that the standard output pipe
 * does not fill up.
 */
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

/** Returns the elements that meet a criterion, or all elements if none does. */
function orAll<T>(all: readonly T[], criterion: (one: T) => boolean): readonly T[] {
  const some = all.filter(criterion)
  return some.length > 0 ? some : all
}
