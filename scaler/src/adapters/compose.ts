/** Acts through `docker compose up --scale`, as a person would. One call at a time; every wait has a bound. */
import { setTimeout as sleep } from 'node:timers/promises'
import { execa } from 'execa'
import type { Replica, ReplicaTarget } from '../ports.ts'
import type { DockerService } from './docker.ts'
import { listReplicas } from './docker.ts'

export interface ComposeSettings extends DockerService {
  readonly files: readonly string[]
  /** The files' folder. */
  readonly folder: string
  /** The Engine, as in DOCKER_HOST. */
  readonly host: string
}

/** Bound on one call of Compose, in seconds: the grace period of the replicas, and as much again for slow machines. */
const composeWithinSeconds = 75
/** Bound on the wait for replicas that somebody else is stopping, in seconds. */
const drainWithinSeconds = 45
const pollMs = 500

export function composeTarget(settings: ComposeSettings): ReplicaTarget {
  const { service, host } = settings
  let busy = false
  const list = (signal: AbortSignal) => listReplicas(host, settings, signal)

  const act: ReplicaTarget['scaleTo'] = async (replicas, draining, signal) => {
    // Compose counts a draining replica as one that is there: it would exit 0, change nothing, and leave one too few.
    const before = await untilGone(draining, list, signal)
    const options = ['--detach', '--no-deps', '--no-recreate', '--no-build']
    await compose(settings, ['up', ...options, '--scale', `${service}=${replicas}`, service], signal)
    const after = await list(signal)
    if (after.length !== replicas) throw new Error(`compose ended well, but there are ${after.length} replicas instead of ${replicas}`)
    const left = new Set(after.map(({ name }) => name))
    return { removed: before.map(({ name }) => name).filter((name) => !left.has(name)) }
  }

  return {
    list,
    scaleTo: async (replicas, draining, signal) => {
      if (busy) throw new Error('another action is still running')
      busy = true
      try {
        return await act(replicas, draining, signal)
      } finally {
        busy = false
      }
    },
  }
}

/** The project's name, as Compose makes it up from the folder, the files and the environment. */
export async function projectName(settings: Pick<ComposeSettings, 'files' | 'folder'>): Promise<string> {
  const { stdout } = await execa('docker', ['compose', ...fileArgs(settings.files), 'config', '--format', 'json', '--no-interpolate'], {
    cwd: settings.folder,
    timeout: 20_000,
    stdin: 'ignore',
  })
  const { name } = JSON.parse(stdout) as { name?: unknown }
  if (typeof name !== 'string') throw new Error('docker compose config names no project')
  return name
}

async function untilGone(names: readonly string[], list: ReplicaTarget['list'], signal: AbortSignal): Promise<readonly Replica[]> {
  for (let waitedMs = 0; waitedMs < drainWithinSeconds * 1000; waitedMs += pollMs) {
    const replicas = await list(signal)
    if (!replicas.some(({ name }) => names.includes(name))) return replicas
    await sleep(pollMs, undefined, { signal })
  }
  throw new Error(`${names.join(', ')} should have drained within ${drainWithinSeconds} s`)
}

async function compose({ files, folder, project, host }: ComposeSettings, args: readonly string[], signal: AbortSignal): Promise<void> {
  const result = await execa('docker', ['compose', ...fileArgs(files), '--project-name', project, ...args], {
    cwd: folder,
    env: { DOCKER_HOST: host, COMPOSE_PROGRESS: 'plain', COMPOSE_ANSI: 'never' },
    timeout: composeWithinSeconds * 1000,
    forceKillAfterDelay: 2000,
    cancelSignal: signal,
    reject: false,
    stdin: 'ignore',
    maxBuffer: 2 ** 20,
  })
  if (!result.failed) return
  if (result.isCanceled) throw new Error('docker compose was interrupted')
  if (result.timedOut) throw new Error(`docker compose did not end within ${composeWithinSeconds} s`)
  const lastLine = result.stderr.trim().split('\n').at(-1) ?? ''
  throw new Error(`docker compose ended with ${result.exitCode ?? result.signal}: ${lastLine || result.shortMessage}`)
}

function fileArgs(files: readonly string[]): string[] {
  return files.flatMap((file) => ['--file', file])
}
