/** Controls the lab under test, which has its own project name and free ports. */

import { type Call, docker, dockerSync, type Ran, type RunOptions, tryDocker } from '@lab/host/docker.ts'
import { type Prometheus, prometheusAt } from '@lab/host/prometheus.ts'
import { type Container, containerNumber, isReplica, serviceLabels } from '@lab/host/replicas.ts'
import { type ComposeLab, composeLab } from '@lab/lab/compose/lab.ts'
import { composeServices, publishedPorts } from './compose-file.ts'

/** The data that the global setup provides to the tests. */
export interface Stack {
  project: string
  /** The port variables in compose.yaml, set to the chosen free ports. */
  env: Record<string, string>
  /** Services that the stack does not start, each with the reason why its image is missing on this machine. */
  missing: Record<string, string>
  /** The time, in seconds, from `docker compose up` until all services were healthy, excluding the time for building or pulling images. */
  startSeconds: number
}

export type Handle = Pick<Stack, 'project' | 'env'>

/** Environment variables that make every command use this stack. The user's .env has no effect on the tests. */
export function environmentOf({ project, env }: Handle): Record<string, string> {
  return { ...env, COMPOSE_PROJECT_NAME: project, COMPOSE_DISABLE_ENV_FILE: '1' }
}

/** Returns the stack as a `Lab` object, the interface through which all the lab's tools work. */
export function labOf(stack: Handle): Promise<ComposeLab> {
  return composeLab({ env: environmentOf(stack) })
}

/** Runs `docker compose …`, and throws if it fails. */
export function compose(stack: Handle, args: readonly string[], options: RunOptions = {}): Promise<string> {
  return docker(composeCall(stack, args), options)
}

/** Runs `docker compose …`, and returns its result even if it fails. */
export function tryCompose(stack: Handle, args: readonly string[], options: RunOptions = {}): Promise<Ran> {
  return tryDocker(composeCall(stack, args), options)
}

function composeCall(stack: Handle, args: readonly string[]): Call {
  return { args: ['compose', ...args], env: environmentOf(stack) }
}

/** Shuts the stack down synchronously, so that exit handlers can call this function; prints errors instead of throwing them. */
export function takeDown(stack: Handle): void {
  const down = ['compose', '--profile', '*', 'down', '--volumes', '--remove-orphans', '--timeout', '5', '--rmi', 'local']
  const failed = dockerSync(down, { env: environmentOf(stack), withinSeconds: 90 })
  if (failed !== undefined) console.error(`could not take ${stack.project} down: ${failed}`)
}

/** The fields of `docker inspect CONTAINER` that only these tests read. */
export interface Inspected extends Container {
  Image: string
  State: Container['State'] & { OOMKilled: boolean }
  HostConfig: {
    Memory: number
    ReadonlyRootfs: boolean
    CapDrop: string[] | null
    LogConfig: { Type: string; Config: Record<string, string> }
  }
  Mounts: { Source: string }[]
  NetworkSettings: { Networks: Record<string, { IPAddress: string }>; Ports: Record<string, { HostIp: string; HostPort: string }[] | null> }
}

/** Returns details of the given containers, omitting those that no longer exist. */
export async function inspect(ids: readonly string[]): Promise<Inspected[]> {
  return ids.length === 0 ? [] : (JSON.parse((await tryDocker(['inspect', ...ids])).stdout) as Inspected[])
}

/**
 * Returns the containers of one service or of the whole stack, ordered by container number. With the `stopped` option, the result includes
 * containers that have exited.
 */
export async function containers(stack: Handle, service?: string, { stopped = false } = {}): Promise<Inspected[]> {
  const filters = serviceLabels(stack.project, service).flatMap((label) => ['--filter', `label=${label}`])
  const ids = (await docker(['ps', '--all', '--quiet', '--no-trunc', ...filters])).split('\n').filter(Boolean)
  const found = (await inspect(ids)).filter((container) => stopped || isReplica(container))
  return found.sort((a, b) => containerNumber(a.Config.Labels) - containerNumber(b.Config.Labels))
}

/** Returns the service that a container belongs to. */
export function serviceOf(container: Container): string {
  return container.Config.Labels['com.docker.compose.service'] ?? ''
}

/** Returns a replica's container name, for example `lab-ws-1` for the replica ws-1. */
export function containerName({ project }: Handle, replica: string): string {
  return `${project}-${replica}`
}

/** Returns the URL of one of the lab's host ports. */
export function url(stack: Handle, variable: string, path = '/'): string {
  const port = stack.env[variable]
  if (!port) throw new Error(`no host port ${variable}; there are ${publishedPorts.map((published) => published.variable).join(', ')}`)
  return `http://127.0.0.1:${port}${path}`
}

export function prometheusOf(stack: Handle): Prometheus {
  return prometheusAt(url(stack, 'PROMETHEUS_PORT', ''))
}

/** Services that run without a profile and whose images exist on this machine. */
export function expectedServices(stack: Pick<Stack, 'missing'>): string[] {
  return Object.entries(composeServices)
    .filter(([name, { profiles }]) => !profiles && !(name in stack.missing))
    .map(([name]) => name)
}

/** Sets the number of replicas, and waits until new replicas are healthy and removed ones have exited. */
export async function scaleTo(stack: Handle, replicas: number): Promise<void> {
  await (await labOf(stack)).scaleTo(replicas)
}
