/** The lab under test: its own project name, free ports, and a way down that always runs. */
import { execaSync } from 'execa'
import { composeServices, publishedPorts, root } from './compose-file.ts'
import { type Container, docker, inspect, type Ran, type RunOptions, tryDocker } from './docker.ts'

/** What the tests need to find the lab; plain data, handed over by the global setup. */
export interface Stack {
  project: string
  /** Port variables of compose.yaml and the free ports they got. */
  env: Record<string, string>
  /** Services that don't run here, and why. */
  missing: Record<string, string>
  /** From `up` to everything healthy, images present. */
  startSeconds: number
}

/** `docker compose …` for this stack. An empty env file, so that a person's .env can't change what is tested. */
function composeArgs(stack: Pick<Stack, 'project'>, args: readonly string[]): string[] {
  return ['compose', '--env-file', '/dev/null', '-p', stack.project, ...args]
}

type Handle = Pick<Stack, 'project' | 'env'>

/** Runs `docker compose …`; throws when it fails. */
export function compose(stack: Handle, args: readonly string[], options: RunOptions = {}): Promise<string> {
  return docker(composeArgs(stack, args), { ...options, env: { ...stack.env, ...options.env } })
}

/** Runs `docker compose …`; a failure is a value. */
export function tryCompose(stack: Handle, args: readonly string[], options: RunOptions = {}): Promise<Ran> {
  return tryDocker(composeArgs(stack, args), { ...options, env: { ...stack.env, ...options.env } })
}

/** Takes everything down, synchronously, so that it works in exit handlers too. Loud when it fails. */
export function takeDown({ project, env }: Handle): void {
  const down = composeArgs({ project }, ['--profile', '*', 'down', '--volumes', '--remove-orphans', '--timeout', '5', '--rmi', 'local'])
  const result = execaSync('docker', down, { cwd: root, env, timeout: 90_000, reject: false, stdin: 'ignore' })
  if (result.exitCode !== 0) console.error(`could not take ${project} down: docker ${down.join(' ')}\n${result.stderr}`)
}

/** Containers of the stack, of one service or of all; running ones, or stopped ones as well. By container number. */
export async function containers(stack: Handle, service?: string, { stopped = false } = {}): Promise<Container[]> {
  const labels = [`com.docker.compose.project=${stack.project}`, 'com.docker.compose.oneoff=False']
  if (service) labels.push(`com.docker.compose.service=${service}`)
  const filters = labels.flatMap((label) => ['--filter', `label=${label}`])
  const ids = (await docker(['ps', '--quiet', '--no-trunc', ...(stopped ? ['--all'] : []), ...filters])).split('\n').filter(Boolean)
  return (await inspect(ids)).sort((a, b) => numberOf(a) - numberOf(b))
}

/** The service a container belongs to. */
export function serviceOf(container: Container): string {
  return container.Config.Labels['com.docker.compose.service'] ?? ''
}

function numberOf(container: Container): number {
  return Number(container.Config.Labels['com.docker.compose.container-number'])
}

/** The replica's name in Prometheus and in its own messages, as in ws-1. */
export function replicaName(container: Container): string {
  return `${serviceOf(container)}-${numberOf(container)}`
}

/** What Docker calls a replica. */
export function containerName({ project }: Handle, replica: string): string {
  return `${project}-${replica}`
}

/** The URL of one of the lab's host ports. */
export function url(stack: Stack, variable: string, path = '/'): string {
  const port = stack.env[variable]
  if (!port) throw new Error(`no host port ${variable}; there are ${publishedPorts.map((published) => published.variable).join(', ')}`)
  return `http://127.0.0.1:${port}${path}`
}

/** Services that run without a profile and are not missing here. */
export function expectedServices(stack: Pick<Stack, 'missing'>): string[] {
  return Object.entries(composeServices)
    .filter(([name, { profiles }]) => !profiles && !(name in stack.missing))
    .map(([name]) => name)
}

/** Sets the number of replicas as a person would and returns when they are healthy, or gone. */
export async function scaleTo(stack: Handle, replicas: number): Promise<void> {
  const args = ['up', '--detach', '--no-recreate', '--no-deps', '--no-build', '--wait', '--wait-timeout', '60']
  await compose(stack, [...args, '--scale', `ws=${replicas}`, 'ws'], { withinSeconds: 120 })
}
