/** The docker commands behind the lab's own: what is asked for in, arguments and environment out. Pure. */
import { services } from '@lab/contract/endpoints.ts'

/** One call of `docker`, and the variables that it needs besides those that are set. */
export interface DockerCommand {
  args: readonly string[]
  env?: Readonly<Record<string, string>>
}

const overlay = ['-f', 'compose.yaml', '-f', 'compose.k8s-sim.yaml'] as const

/** Every service there can be: overlay and profiles included. */
const everything = ['compose', ...overlay, '--profile', '*'] as const

export interface UpOptions {
  k8sSim?: boolean
  logging?: boolean
  tracing?: boolean
  /** Neither builds nor pulls. */
  offline?: boolean
  /** Services that stay away. */
  without?: readonly string[]
  timeoutSeconds: number
}

/**
 * Starts the lab and returns when all of it is healthy.
 * @param profiles those that are on already, as in COMPOSE_PROFILES
 */
export function upCommand(options: UpOptions, profiles: string): DockerCommand {
  const files = options.k8sSim ? overlay : []
  const images = options.offline ? ['--no-build', '--pull', 'never'] : ['--build']
  const without = (options.without ?? []).flatMap((service) => ['--scale', `${service}=0`])
  const args = ['compose', ...files, 'up', '-d', ...images, '--wait', '--wait-timeout', String(options.timeoutSeconds), ...without]
  const added = [...(options.logging ? ['logging'] : []), ...(options.tracing ? ['tracing'] : [])]
  return { args, env: withProfiles(profiles, added) }
}

/**
 * Changes the number of replicas and nothing else. New ones are made as the lab was started: with its overlay and profiles.
 * @param running services that run
 */
export function scaleCommand(replicas: number, running: ReadonlySet<string>, profiles: string): DockerCommand {
  const files = filesOf(running)
  const added = [...(running.has(services.loki) ? ['logging'] : []), ...(running.has(services.jaeger) ? ['tracing'] : [])]
  const how = ['up', '-d', '--no-deps', '--no-recreate', '--no-build', '--scale', `${services.ws}=${replicas}`, services.ws]
  return { args: ['compose', ...files, ...how], env: withProfiles(profiles, added) }
}

export interface LoadOptions {
  scenario?: string
  sockets?: number
  /** Seconds. */
  duration?: number
  seed?: number
  short?: boolean
  /** Who shall own what k6 writes; undefined where Docker sees to that itself. */
  owner?: { uid: number; gid: number }
}

/**
 * Runs k6 in a container that is removed afterwards.
 * @param running services that run; without the files that know them, Compose would advise to remove them
 */
export function loadCommand({ scenario, sockets, duration, seed, short, owner }: LoadOptions, running: ReadonlySet<string>): DockerCommand {
  const settings = { SCENARIO: scenario, SOCKETS: sockets, DURATION: duration, SEED: seed, SHORT: short ? 1 : undefined }
  const given = Object.entries(settings).flatMap(([name, value]) => (value === undefined ? [] : ['-e', `${name}=${value}`]))
  const env = owner && { LAB_UID: String(owner.uid), LAB_GID: String(owner.gid) }
  return { args: ['compose', ...filesOf(running), 'run', '--rm', ...given, services.k6], ...(env && { env }) }
}

export interface LogsOptions {
  service?: string
  follow?: boolean
  tail?: string
  since?: string
}

export function logsCommand({ service, follow, tail, since }: LogsOptions): DockerCommand {
  const how = [...(follow ? ['-f'] : []), ...(tail ? ['--tail', tail] : []), ...(since ? ['--since', since] : [])]
  return { args: [...everything, 'logs', ...how, ...(service ? [service] : [])] }
}

/** The last lines of a service, with the time of each, for a file. */
export function everyLogCommand(service: string, lines: number): DockerCommand {
  return { args: [...everything, 'logs', '--no-color', '--timestamps', '--tail', String(lines), service] }
}

/** Stops every container of the lab, those of all profiles among them: a bare `docker compose down` would leave these. */
export function downCommand(): DockerCommand {
  return { args: [...everything, 'down', '--remove-orphans'] }
}

/** As down, with volumes and images; `pulled` takes those from registries as well, which other projects may use. */
export function nukeCommand({ pulled }: { pulled: boolean }): DockerCommand {
  return { args: [...everything, 'down', '--volumes', '--remove-orphans', '--rmi', pulled ? 'all' : 'local'] }
}

/** Fetches and builds every image that there is. */
export function allImagesCommands(): DockerCommand[] {
  return [{ args: [...everything, 'pull', '--ignore-buildable'] }, { args: [...everything, 'build'] }]
}

/** Everything there is of the project, stopped containers included, as JSON. */
export function psCommand(): DockerCommand {
  return { args: ['compose', 'ps', '--all', '--format', 'json'] }
}

/** All services with variables filled in, as JSON. */
export function configCommand(): DockerCommand {
  return { args: [...everything, 'config', '--format', 'json'] }
}

/**
 * A command as a person would type it.
 * @param platform decides how variables are set
 */
export function typed({ args, env = {} }: DockerCommand, platform: NodeJS.Platform): string {
  const command = ['docker', ...args].map(quoted).join(' ')
  const variables = Object.entries(env)
  if (variables.length === 0) return command
  if (platform === 'win32') return `${variables.map(([name, value]) => `$env:${name}="${value}"; `).join('')}${command}`
  return `${variables.map(([name, value]) => `${name}=${quoted(value)} `).join('')}${command}`
}

function quoted(word: string): string {
  return /^[\w@%+=:,./-]+$/.test(word) ? word : `"${word.replaceAll(/(["\\$`])/g, '\\$1')}"`
}

function filesOf(running: ReadonlySet<string>): readonly string[] {
  return running.has(services.scaler) ? overlay : []
}

function withProfiles(profiles: string, added: readonly string[]): Record<string, string> {
  const before = profiles.split(',').filter(Boolean)
  const all = [...new Set([...before, ...added])]
  return all.length === before.length ? {} : { COMPOSE_PROFILES: all.join(',') }
}
