/** Reads the Compose project: its model, its containers, and the files and profiles with which it was started. */
import { existsSync } from 'node:fs'
import { relative, resolve } from 'node:path'
import { services } from '@lab/contract/endpoints.ts'
import { configCommand, psCommand, type StartedWith, startedWith } from '@lab/host/compose.ts'
import { docker, tryDocker, whyFailed } from '@lab/host/docker.ts'
import { LabError } from '@lab/host/lab-error.ts'
import { type Container, containerSchema as inspectedSchema, replicaName, serviceLabels } from '@lab/host/replicas.ts'
import { root } from '@lab/host/root.ts'
import { defaultStateFolder } from '@lab/scaler/decision-log.ts'
import { z } from 'zod'

const readWithinSeconds = 30

export type Environment = Readonly<Record<string, string | undefined>>

const publishedPort = z.object({ target: z.coerce.number(), published: z.coerce.number() })

const modelSchema = z.object({
  name: z.string(),
  services: z.record(
    z.string(),
    z.object({
      image: z.string().optional(),
      build: z.unknown().optional(),
      profiles: z.array(z.string()).default([]),
      ports: z.array(publishedPort).default([]),
      environment: z.record(z.string(), z.union([z.string(), z.number(), z.boolean()]).nullable()).default({}),
      depends_on: z.record(z.string(), z.unknown()).default({}),
    }),
  ),
})

/** The Compose project's name and services, with all variables resolved. */
export type Model = z.infer<typeof modelSchema>

const containerSchema = z.object({
  Name: z.string(),
  Service: z.string(),
  State: z.string(),
  Health: z.string().default(''),
  Status: z.string().default(''),
  Labels: z.string().default(''),
  Publishers: z.array(z.object({ TargetPort: z.number(), PublishedPort: z.number() })).nullish(),
})

/** A container of the Compose project. */
export interface LabContainer {
  name: string
  service: string
  /** Name of the container's service followed by the container number, for example ws-3. */
  replica: string
  /** Container state as reported by Docker, such as running or exited. */
  state: string
  /** Health of the container: healthy, starting, unhealthy, or an empty string if the container has no health check. */
  health: string
  /** Container status as printed by `docker ps`. */
  status: string
  published: { target: number; port: number }[]
}

/** @throws an Error if the string is not the output of `docker compose config --format json` */
export function readModel(text: string): Model {
  return modelSchema.parse(JSON.parse(text))
}

/** Returns the model of all services, including those from the overlay and from profiles. */
export async function model(env: Environment = {}): Promise<Model> {
  return readModel(await docker(configCommand().args, { env }))
}

/** Parses the output of `docker compose ps --format json`, which is one object per line or, in some Compose versions, a single array. */
export function readContainers(text: string): LabContainer[] {
  const trimmed = text.trim()
  const values: unknown[] = trimmed.startsWith('[')
    ? JSON.parse(trimmed)
    : trimmed
        .split('\n')
        .filter(Boolean)
        .map((line) => JSON.parse(line))
  return values
    .map((value) => containerSchema.parse(value))
    .map(({ Name, Service, State, Health, Status, Labels, Publishers }) => ({
      name: Name,
      service: Service,
      replica: replicaName(labelsOf(Labels), Service),
      state: State,
      health: Health,
      status: Status,
      published: (Publishers ?? [])
        .filter(({ PublishedPort }) => PublishedPort > 0)
        .map(({ TargetPort, PublishedPort }) => ({ target: TargetPort, port: PublishedPort })),
    }))
    .sort((a, b) => a.name.localeCompare(b.name, 'en', { numeric: true }))
}

/**
 * Parses the labels printed by `docker compose ps`: `name=value` pairs separated by commas. Label values that contain commas are truncated,
 * but the lab does not read any such labels.
 */
function labelsOf(text: string): Record<string, string> {
  return Object.fromEntries(text.split(',').map((label) => label.split(/=(.*)/s).slice(0, 2)))
}

/** Returns every container of the Compose project, including stopped containers. */
export async function labContainers(env: Environment = {}): Promise<LabContainer[]> {
  return readContainers(await docker(psCommand().args, { env }))
}

/** Returns a service's containers in any state, as reported by `docker inspect`. */
export async function serviceContainers(project: string, service: string, env: Environment = {}): Promise<Container[]> {
  const filters = serviceLabels(project, service).flatMap((label) => ['--filter', `label=${label}`])
  const listed = await docker(['ps', '--all', '--quiet', '--no-trunc', ...filters], { withinSeconds: readWithinSeconds, env })
  const ids = listed.split('\n').filter(Boolean)
  if (ids.length === 0) return []
  const ran = await tryDocker(['inspect', ...ids], { withinSeconds: readWithinSeconds, env })
  if (ran.timedOut || ran.stdout === '') throw new LabError(`docker inspect: ${whyFailed(ran, readWithinSeconds)}`)
  // If a container is removed between the two docker calls, it is correctly absent from the result.
  return z.array(inspectedSchema).parse(JSON.parse(ran.stdout))
}

/** Returns the services that have a running container. */
export function runningAmong(containers: readonly LabContainer[]): Set<string> {
  return new Set(containers.filter(({ state }) => state === 'running').map(({ service }) => service))
}

/** Returns the profiles enabled in the environment, including those from .env, which commands load at startup. */
export function profilesOn(env: Environment = {}): string {
  return env.COMPOSE_PROFILES ?? process.env.COMPOSE_PROFILES ?? ''
}

/** Returns the folder that contains the scaler's decision log and pause file. */
export function scalerState(env: Environment = {}): string {
  return resolve(root, env.SCALER_STATE || process.env.SCALER_STATE || defaultStateFolder({ ...process.env, ...env }))
}

/**
 * Returns the files and profiles with which a lab was started, so that new containers match the existing ones. Compose stores the paths of
 * the Compose files in the labels of each container. The replicas' labels are ignored, because the labels of replicas created by the scaler
 * may contain different paths to the same Compose files.
 */
export async function startOf(containers: readonly LabContainer[], env: Environment = {}): Promise<StartedWith> {
  const running = runningAmong(containers)
  const byServices = startedWith(running, profilesOn(env))
  const witness =
    containers.find(({ service }) => service === services.scaler) ?? containers.find(({ service }) => service === services.traefik)
  if (witness === undefined) return byServices
  const format = '{{index .Config.Labels "com.docker.compose.project.config_files"}}'
  const { stdout, exitCode } = await tryDocker(['inspect', '--format', format, witness.name], { env })
  const files = stdout.trim().split(',').filter(Boolean)
  if (exitCode !== 0 || files.length === 0 || !files.every((file) => existsSync(file))) return byServices
  return { files: isDefault(files) ? [] : files.map(shown), env: byServices.env }
}

/** Returns the path of a file relative to the checkout, as a user would type it. */
function shown(file: string): string {
  const path = relative(root, file)
  return path.startsWith('..') ? file : path
}

/** Returns whether the given files are the ones that Compose uses by default, when COMPOSE_FILE is not set. */
function isDefault(files: readonly string[]): boolean {
  return files.length === 1 && resolve(root, 'compose.yaml') === files[0]
}
