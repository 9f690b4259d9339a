/** Scales the service with `docker compose up --scale`. Only one Compose command runs at a time, and every wait has a timeout. */
import { readFileSync } from 'node:fs'
import { type DockerCommand, fileArgs, scaleCommand } from '@lab/host/compose.ts'
import { docker, tryDocker, whyFailed } from '@lab/host/docker.ts'
import { finishScaling } from '@lab/host/scaling.ts'
import { until } from '@lab/host/until.ts'
import { serviceProblem } from '../compose-service.ts'
import type { ListedReplica, ReadWorkingSets, ReplicaTarget } from '../ports.ts'
import type { DockerService } from './docker.ts'
import { inspectContainers, listReplicas } from './docker.ts'
import { usageReader } from './docker-stats.ts'
import { reservationReader } from './reservations.ts'

export interface ComposeSettings extends DockerService {
  readonly files: readonly string[]
  /** Folder that contains the Compose files. */
  readonly folder: string
  /** Address of the Docker Engine, in the format of the DOCKER_HOST variable. */
  readonly host: string
}

/** Timeout for a Compose command, in seconds: the replicas' grace period plus a margin for slow machines. */
export const composeWithinSeconds = 75
/** Maximum time to wait for replicas that another Docker client is stopping, in seconds. */
const drainWithinSeconds = 45
const pollMs = 500
/** Timeout for reading the Compose files, in seconds. */
const configWithinSeconds = 20

/** The operations on a service's replicas that the actuator provides to the scaler. */
export interface Actuator {
  list(signal: AbortSignal): Promise<readonly ListedReplica[]>
  workingSets: ReadWorkingSets
  /**
   * Scales the service to the given number of replicas. Resolves once any new replicas have started and any removed replicas have exited.
   */
  scale(replicas: number, signal: AbortSignal): Promise<void>
}

/**
 * Returns an actuator that runs this machine's `docker` command. Its operations reject with the line of the Compose file if the service
 * cannot be scaled.
 */
export function composeActuator(settings: ComposeSettings): Actuator {
  const { host, files, service } = settings
  const reservations = reservationReader(settings)
  const scalable = <Args extends readonly unknown[], T>(act: (...args: Args) => Promise<T>) => {
    return async (...args: Args): Promise<T> => {
      const problem = serviceProblem(files, service, textIfThere)
      if (problem !== null) throw new Error(problem)
      return act(...args)
    }
  }
  return {
    list: scalable((signal: AbortSignal) => listReplicas(host, settings, signal, reservations)),
    workingSets: usageReader(host, settings),
    scale: scalable((replicas: number, signal: AbortSignal) => composeScale(settings, replicas, signal)),
  }
}

/** Returns the text of a file, or null if it cannot be read: the actuator's container does not have every file that Compose files name. */
function textIfThere(path: string): string | null {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return null
  }
}

/**
 * Returns a replica target that uses an actuator. The replica target waits until draining replicas have exited, scales the service, and
 * then determines which replicas were removed.
 */
export function replicaTarget({ list, scale }: Actuator): ReplicaTarget {
  let busy = false
  const act: ReplicaTarget['scaleTo'] = async (replicas, draining, signal) => {
    // Compose counts draining replicas as replicas of the service. If Compose ran before the draining replicas had exited, it would report
    // success with too few replicas.
    const before = await untilGone(draining, list, signal)
    await scale(replicas, signal)
    const left = new Set((await list(signal)).map(({ name }) => name))
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

/**
 * Scales the service with Compose, and starts containers that Compose created but did not start. Rejects if the requested number of
 * replicas was not reached.
 */
async function composeScale(settings: ComposeSettings, replicas: number, signal: AbortSignal): Promise<void> {
  const { host, folder, service, files, project } = settings
  const run = (command: DockerCommand, withinSeconds: number) =>
    tryDocker(command, { folder, env: { DOCKER_HOST: host }, withinSeconds, stop: signal })
  const ran = await run(scaleCommand({ replicas, service, files, project, env: {} }), composeWithinSeconds)
  await finishScaling({
    wanted: replicas,
    why: ran.exitCode === 0 ? null : `docker compose up: ${whyFailed(ran, composeWithinSeconds)}`,
    list: () => inspectContainers(host, settings, signal),
    run,
  })
}

/** Returns the project name that Compose derives from the folder, the files and the environment. */
export async function projectName(settings: Pick<ComposeSettings, 'files' | 'folder'>): Promise<string> {
  const args = ['compose', ...fileArgs(settings.files), 'config', '--format', 'json', '--no-interpolate']
  const stdout = await docker(args, { folder: settings.folder, withinSeconds: configWithinSeconds })
  const { name } = JSON.parse(stdout) as { name?: unknown }
  if (typeof name !== 'string') throw new Error('docker compose config prints no project name')
  return name
}

async function untilGone(names: readonly string[], list: ReplicaTarget['list'], signal: AbortSignal): Promise<readonly ListedReplica[]> {
  const gone = async () => {
    const replicas = await list(signal)
    return !replicas.some(({ name }) => names.includes(name)) && replicas
  }
  return until(`${names.join(', ')} has drained`, gone, { withinMs: drainWithinSeconds * 1000, everyMs: pollMs, stop: signal })
}
