/** The running lab: its containers, its entry, and what can be asked of them. */
import { setTimeout as sleep } from 'node:timers/promises'
import { hostPorts, paths, replicaHeader, services } from '../contract/src/endpoints.ts'
import { docker } from './docker.ts'

/** What we read of `docker inspect CONTAINER`. */
export interface ContainerState {
  Status: string
  Paused: boolean
  ExitCode: number
  StartedAt: string
  Health?: { Status: string }
}

export interface Lab {
  readonly project: string
  /** ws://HOST:PORT of the entry. */
  readonly entry: string
  /** http://HOST:PORT of Prometheus. */
  readonly prometheus: string
  /** Numbers of the replicas that exist, running or not. */
  replicas(): Promise<number[]>
  /** Docker's name of a service's container. */
  container(service: string, number?: number): string
  state(container: string): Promise<ContainerState>
  /** Sets the number of replicas, as a person would, and returns when they are healthy, or gone. */
  scaleTo(replicas: number): Promise<void>
  /** Whether Traefik's configuration has a middleware of this name. */
  hasMiddleware(name: string): Promise<boolean>
  /** Health of the replicas that the entry leads to now: replica → status. */
  health(): Promise<Map<string, string>>
}

/**
 * @param env COMPOSE_PROJECT_NAME, LAB_PORT, TRAEFIK_DASHBOARD_PORT as Compose knows them
 * @param given entry to use in place of the lab's port
 */
export async function findLab(env: Record<string, string | undefined>, given?: string): Promise<Lab> {
  const config = JSON.parse(await docker(['compose', 'config', '--format', 'json'])) as {
    name: string
    services: Record<string, { ports?: { target: number; published: string }[] }>
  }
  const project = env.COMPOSE_PROJECT_NAME || config.name
  const portTo = (service: string, target: number, fallback: number) =>
    config.services[service]?.ports?.find((port) => port.target === target)?.published ?? String(fallback)
  const entry = given ?? `ws://127.0.0.1:${portTo(services.traefik, 8000, hostPorts.LAB_PORT)}`
  const dashboard = `127.0.0.1:${portTo(services.traefik, 8080, hostPorts.TRAEFIK_DASHBOARD_PORT)}`

  async function replicas(): Promise<number[]> {
    const labels = [`project=${project}`, `service=${services.ws}`, 'oneoff=False'].flatMap((label) => [
      '--filter',
      `label=com.docker.compose.${label}`,
    ])
    const numbers = await docker(['ps', '--all', ...labels, '--format', '{{.Label "com.docker.compose.container-number"}}'])
    return numbers
      .split('\n')
      .filter(Boolean)
      .map(Number)
      .sort((a, b) => a - b)
  }

  async function scaleTo(count: number): Promise<void> {
    const args = ['up', '--detach', '--no-recreate', '--no-deps', '--no-build', '--wait', '--wait-timeout', '60']
    await docker(['compose', '-p', project, ...args, '--scale', `${services.ws}=${count}`, services.ws], 120)
  }

  return {
    project,
    entry,
    prometheus: `http://127.0.0.1:${portTo(services.prometheus, 9090, hostPorts.PROMETHEUS_PORT)}`,
    replicas,
    container: (service, number = 1) => `${project}-${service}-${number}`,
    state: async (container) => JSON.parse(await docker(['inspect', '--format', '{{json .State}}', container])) as ContainerState,
    scaleTo,
    hasMiddleware: async (name) =>
      (await fetch(`http://${dashboard}/api/http/middlewares/${name}@file`, { signal: AbortSignal.timeout(3000) })).ok,
    health: async () => {
      const found = new Map<string, string>()
      const count = (await replicas()).length
      // Round robin: every replica in the pool answers within as many requests, and some more for those that others make.
      await Promise.all(Array.from({ length: count * 4 }, () => ask(entry.replace(/^ws/, 'http') + paths.health, found)))
      return found
    },
  }
}

async function ask(url: string, found: Map<string, string>): Promise<void> {
  try {
    const response = await fetch(url, { signal: AbortSignal.timeout(3000), headers: { connection: 'close' } })
    const body = (await response.json()) as { status?: string }
    const replica = response.headers.get(replicaHeader)
    if (replica !== null) found.set(replica, body.status ?? 'unknown')
  } catch {
    // Not an answer: the replica is missing from what was found, which is what callers look at.
  }
}

/**
 * Waits for a fact.
 * @param stop rejects with its reason
 * @returns how many milliseconds that took; rejects after `withinMs` and says what was last seen
 */
export async function until(
  what: string,
  holds: () => Promise<boolean>,
  withinMs: number,
  everyMs = 200,
  stop?: AbortSignal,
): Promise<number> {
  const startedAtMs = performance.now()
  let last = 'it does not hold'
  for (;;) {
    stop?.throwIfAborted()
    try {
      if (await holds()) return performance.now() - startedAtMs
    } catch (error) {
      last = (error as Error).message
    }
    if (performance.now() - startedAtMs > withinMs) throw new Error(`${what}: not within ${withinMs / 1000} s (${last})`)
    await pause(everyMs, stop)
  }
}

/** Waits, or less when it is stopped; who called it looks at that. */
export async function pause(ms: number, stop?: AbortSignal): Promise<void> {
  await sleep(ms, undefined, stop && { signal: stop }).catch((error: Error) => {
    if (error.name !== 'AbortError') throw error
  })
}

export interface Boot {
  replicas: number
  /** With the scaler of compose.k8s-sim.yaml. */
  scaler?: boolean
  /** Ends it early: then it takes down what there is. */
  stop: AbortSignal
}

/**
 * Boots a lab of this project, and returns how to take it down with its data.
 * Rejects when there is one already: that is somebody's, with data of theirs.
 */
export async function bootLab(project: string, { replicas, scaler = false, stop }: Boot): Promise<() => Promise<void>> {
  const files = scaler ? ['-f', 'compose.yaml', '-f', 'compose.k8s-sim.yaml'] : []
  const compose = ['compose', ...files, '-p', project, '--profile', '*']
  const needed: string[] = [services.traefik, services.ws, services.valkey, services.socketProxy, services.prometheus]
  if (scaler) needed.push(services.scaler, services.scalerProxy)
  if ((await docker([...compose, 'ps', '--all', '--quiet'])) !== '')
    throw new Error(`there is a lab of project ${project} already; leave --up out, or name another: COMPOSE_PROJECT_NAME=proof`)
  const down = async () => {
    await docker([...compose, 'down', '--volumes', '--remove-orphans'], 120)
  }
  const up = ['up', '--detach', '--build', '--wait', '--wait-timeout', '120', '--scale', `${services.ws}=${replicas}`]
  try {
    await docker(['compose', ...files, '-p', project, ...up, ...needed], 600, stop)
    stop.throwIfAborted()
  } catch (failure) {
    const error = stop.aborted ? stop.reason : failure
    await down().catch((late: Error) => {
      throw new Error(`${(error as Error).message}; then ${late.message}`)
    })
    throw error
  }
  return down
}
