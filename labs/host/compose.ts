/** Builds the docker commands that the lab's own commands run, as arguments and environment variables. Pure. */
import { services } from '@lab/contract/endpoints.ts'

/** A single `docker` call, with any environment variables that it needs in addition to those of this process. */
export interface DockerCommand {
  args: readonly string[]
  env?: Readonly<Record<string, string>>
}

/** The Compose files of a lab that includes the scaler. */
export const overlayFiles = ['compose.yaml', 'compose.k8s-sim.yaml'] as const

/** The services that compose.k8s-sim.yaml adds to compose.yaml. */
export const overlayServices: readonly string[] = [services.scaler, services.actuator]

/** Selects every service, including those of compose.k8s-sim.yaml and of all profiles. */
const everything = ['compose', ...fileArgs(overlayFiles), '--profile', '*'] as const

export interface UpOptions {
  k8sSim?: boolean
  logging?: boolean
  tracing?: boolean
  /** Whether to start the lab without building or pulling an image. */
  offline?: boolean
  /** The services to start; all services if undefined. */
  only?: readonly string[]
  timeoutSeconds: number
}

/**
 * Starts the lab and waits until every container is healthy.
 * @param profiles the profiles that are already enabled, in the format of COMPOSE_PROFILES
 */
export function upCommand(options: UpOptions, profiles: string): DockerCommand {
  const files = options.k8sSim ? fileArgs(overlayFiles) : []
  const images = options.offline ? ['--no-build', '--pull', 'never'] : ['--build']
  const args = [
    'compose',
    ...files,
    'up',
    '-d',
    ...images,
    '--wait',
    '--wait-timeout',
    String(options.timeoutSeconds),
    ...(options.only ?? []),
  ]
  const added = [...(options.logging ? ['logging'] : []), ...(options.tracing ? ['tracing'] : [])]
  return { args, env: withProfiles(profiles, added) }
}

/**
 * The Compose files and variables with which a running lab was started. Compose must be given the same files and variables again;
 * otherwise, new containers would not match the existing ones.
 */
export interface StartedWith {
  /** Compose files to pass with `-f`; if the list is empty, Compose uses its default file. */
  readonly files: readonly string[]
  /** Environment variables that differ from those of this process, such as COMPOSE_PROFILES. */
  readonly env: Readonly<Record<string, string>>
}

export interface ScaleOptions extends StartedWith {
  readonly replicas: number
  readonly service?: string
  /** Name of the Compose project; if undefined, Compose uses its default name. */
  readonly project?: string
  /** How long to wait for the replicas to become healthy. Seconds. */
  readonly waitSeconds?: number
}

/** Changes only the number of replicas, without starting other services or recreating running replicas. */
export function scaleCommand({ replicas, files, env, service = services.ws, project, waitSeconds }: ScaleOptions): DockerCommand {
  const wait = waitSeconds === undefined ? [] : ['--wait', '--wait-timeout', String(waitSeconds)]
  const how = ['up', '-d', '--no-deps', '--no-recreate', '--no-build', ...wait, '--scale', `${service}=${replicas}`, service]
  return { args: ['compose', ...fileArgs(files), ...(project === undefined ? [] : ['-p', project]), ...how], env }
}

/** Starts existing containers; containers that are already running are left unchanged. */
export function startCommand(containers: readonly string[]): DockerCommand {
  return { args: ['start', ...containers] }
}

/** Derives a lab's files and profiles from its running services, in case the container labels do not record them. */
export function startedWith(running: ReadonlySet<string>, profiles: string): StartedWith {
  const added = [...(running.has(services.loki) ? ['logging'] : []), ...(running.has(services.jaeger) ? ['tracing'] : [])]
  return { files: running.has(services.scaler) ? overlayFiles : [], env: withProfiles(profiles, added) }
}

/** Returns the `-f` arguments for the given Compose files. */
export function fileArgs(files: readonly string[]): string[] {
  return files.flatMap((file) => ['-f', file])
}

export interface LoadOptions {
  scenario?: string
  sockets?: number
  /** Duration of the k6 run in seconds. */
  duration?: number
  seed?: number
  short?: boolean
  /** Owner of the files that k6 writes; undefined on platforms where Docker maps file ownership itself. */
  owner?: { uid: number; gid: number }
  /** Additional variables for k6. */
  settings?: Readonly<Record<string, string>>
  /** If set, k6 runs in the background in a container with this name. */
  detachedName?: string
  project?: string
}

/**
 * Runs k6 in a container that is removed after the run.
 * @param lab the files and variables with which the lab was started; with different files, Compose would warn about orphan containers
 */
export function loadCommand({ owner, detachedName, project, settings: more, ...options }: LoadOptions, lab: StartedWith): DockerCommand {
  const { scenario, sockets, duration, seed, short } = options
  const settings = { SCENARIO: scenario, SOCKETS: sockets, DURATION: duration, SEED: seed, SHORT: short ? 1 : undefined, ...more }
  const given = Object.entries(settings).flatMap(([name, value]) => (value === undefined ? [] : ['-e', `${name}=${value}`]))
  const background = detachedName === undefined ? [] : ['--detach', '--name', detachedName]
  const owned = owner && { LAB_UID: String(owner.uid), LAB_GID: String(owner.gid) }
  const args = ['compose', ...fileArgs(lab.files), ...(project === undefined ? [] : ['-p', project]), 'run', '--rm', ...background]
  return { args: [...args, ...given, services.k6], env: { ...lab.env, ...owned } }
}

export interface LogsOptions {
  /** Names of the services whose logs are shown; all services if undefined. */
  services?: readonly string[]
  follow?: boolean
  tail?: string
  since?: string
}

export function logsCommand({ services: wanted = [], follow, tail, since }: LogsOptions): DockerCommand {
  const how = [...(follow ? ['-f'] : []), ...(tail ? ['--tail', tail] : []), ...(since ? ['--since', since] : [])]
  return { args: [...everything, 'logs', ...how, ...wanted] }
}

/** Prints the last log lines of a service with timestamps, in a form suitable for writing to a file. */
export function everyLogCommand(service: string, lines: number): DockerCommand {
  return { args: [...everything, 'logs', '--no-color', '--timestamps', '--tail', String(lines), service] }
}

/**
 * Removes every container of the lab, including containers of optional profiles, which a plain `docker compose down` would leave running.
 */
export function downCommand(): DockerCommand {
  return { args: [...everything, 'down', '--remove-orphans'] }
}

/**
 * Removes the lab's containers, as `docker compose down` does, and also its volumes and images. The `pulled` option also removes pulled
 * images, which other projects may be using.
 */
export function nukeCommand({ pulled }: { pulled: boolean }): DockerCommand {
  return { args: [...everything, 'down', '--volumes', '--remove-orphans', '--rmi', pulled ? 'all' : 'local'] }
}

/** Pulls and builds every image of the lab. */
export function allImagesCommands(): DockerCommand[] {
  return [{ args: [...everything, 'pull', '--ignore-buildable'] }, { args: [...everything, 'build'] }]
}

/** Lists all containers of the project, including stopped ones, as JSON. */
export function psCommand(): DockerCommand {
  return { args: ['compose', 'ps', '--all', '--format', 'json'] }
}

/** Prints the Compose model as JSON, with all variables interpolated. */
export function configCommand(): DockerCommand {
  return { args: [...everything, 'config', '--format', 'json'] }
}

/**
 * Returns a command as a user would type it in a terminal.
 * @param platform determines the shell syntax for environment variables
 */
export function typed({ args, env = {} }: DockerCommand, platform: NodeJS.Platform, program = 'docker'): string {
  const command = [program, ...args].map(quoted).join(' ')
  const variables = Object.entries(env)
  if (variables.length === 0) return command
  if (platform === 'win32') return `${variables.map(([name, value]) => `$env:${name}="${value}"; `).join('')}${command}`
  return `${variables.map(([name, value]) => `${name}=${quoted(value)} `).join('')}${command}`
}

function quoted(word: string): string {
  return /^[\w@%+=:,./-]+$/.test(word) ? word : `"${word.replaceAll(/(["\\$`])/g, '\\$1')}"`
}

function withProfiles(profiles: string, added: readonly string[]): Record<string, string> {
  const before = profiles.split(',').filter(Boolean)
  const all = [...new Set([...before, ...added])]
  return all.length === before.length ? {} : { COMPOSE_PROFILES: all.join(',') }
}
