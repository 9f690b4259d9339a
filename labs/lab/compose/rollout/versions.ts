/** Determines the revisions of the ws service: the one that the Compose files currently define, and those of running replicas. */
import { services } from '@lab/contract/endpoints.ts'
import { fileArgs, type StartedWith } from '@lab/host/compose.ts'
import { docker, tryDocker } from '@lab/host/docker.ts'
import { LabError } from '@lab/host/lab-error.ts'
import type { Container } from '@lab/host/replicas.ts'
import { parse, stringify } from 'yaml'
import { z } from 'zod'
import type { Version } from './store.ts'

const withinSeconds = 30

/** Values of variables in the Compose files; null means that the variable is not set. */
export type Settings = Readonly<Record<string, string | null>>

const serviceSchema = z.looseObject({
  image: z.string().optional(),
  environment: z.record(z.string(), z.string().nullable()).default({}),
  deploy: z
    .looseObject({ update_config: z.looseObject({ parallelism: z.number().optional(), order: z.string().optional() }).optional() })
    .optional(),
})
const fileSchema = z.looseObject({ services: z.looseObject({ [services.ws]: serviceSchema }) })
type ServiceFile = z.infer<typeof fileSchema>

/** The service's configuration as a single Compose file in which all variables and includes are resolved. */
export interface ResolvedService {
  readonly text: string
  /** The configuration hash that Compose stores in a label of each container. */
  readonly hash: string
  /** Name of the image from which Compose creates the replicas. */
  readonly imageName: string
  readonly environment: Readonly<Record<string, string | null>>
  /** Limits of a rolling update, read from deploy.update_config, a field that otherwise only Docker's swarm mode uses. */
  readonly maxSurge: number
  readonly maxUnavailable: number
}

export interface ComposeProject {
  readonly project: string
  readonly lab: StartedWith
}

/** The label in which Compose stores a container's configuration hash. */
const hashLabel = 'com.docker.compose.config-hash'

export function versionOf({ Config, Image }: Container): Version {
  return { hash: Config.Labels[hashLabel] ?? '', image: Image }
}

/** Resolves the service from the Compose files, .env and the given settings. */
export async function resolveService({ project, lab }: ComposeProject, settings: Settings = {}): Promise<ResolvedService> {
  const env = { ...lab.env, ...Object.fromEntries(Object.entries(settings).map(([name, value]) => [name, value ?? undefined])) }
  const compose = ['compose', ...fileArgs(lab.files), '-p', project, 'config']
  const [text, hash] = await Promise.all([
    docker([...compose, services.ws], { withinSeconds, env }),
    docker([...compose, '--hash', services.ws], { withinSeconds, env }),
  ])
  return resolved(project, text, hash)
}

function resolved(project: string, text: string, hashLine: string): ResolvedService {
  const { image, environment, deploy } = fileSchema.parse(parse(text)).services[services.ws]
  const { parallelism = 1, order = 'start-first' } = deploy?.update_config ?? {}
  return {
    text,
    hash: hashLine.trim().split(/\s+/)[1] ?? '',
    imageName: image ?? `${project}-${services.ws}`,
    environment,
    maxSurge: order === 'start-first' ? parallelism : 0,
    maxUnavailable: order === 'start-first' ? 0 : parallelism,
  }
}

/** Returns the configuration hash that Compose computes for the ws service in a given file. */
async function hashOf(project: string, file: string): Promise<string> {
  const line = await docker(['compose', '-f', file, '-p', project, 'config', '--hash', services.ws], { withinSeconds })
  return line.trim().split(/\s+/)[1] ?? ''
}

/** Returns the ID of an image on this machine; undefined if the image does not exist. */
export async function imageId(name: string): Promise<string | undefined> {
  const { stdout, exitCode } = await tryDocker(['image', 'inspect', '--format', '{{.Id}}', name], { withinSeconds })
  return exitCode === 0 ? stdout.trim() : undefined
}

/** Adds a tag to an image. */
export async function tagImage(image: string, name: string): Promise<void> {
  await docker(['tag', image, name], { withinSeconds })
}

/** Returns the tag that preserves a revision's image on this machine; `*` yields a pattern that matches all revisions. */
export function revisionTag(imageName: string, revision: number | '*'): string {
  return `${imageName.replace(/:[^/:]*$/, '')}:revision-${revision}`
}

/** Parses a container's environment variables from the output of `docker inspect`. */
export function variablesOf(lines: readonly string[]): Record<string, string> {
  return Object.fromEntries(lines.map((line) => [line.slice(0, line.indexOf('=')), line.slice(line.indexOf('=') + 1)]))
}

/**
 * Reconstructs a running replica's Compose file from the current Compose files and the replica's environment variables. Pure.
 * @param imageVariables the environment variables that the image itself defines
 */
export function fileOfReplica(
  text: string,
  variables: Readonly<Record<string, string>>,
  imageVariables: Readonly<Record<string, string>>,
): string {
  const file = fileSchema.parse(parse(text)) as ServiceFile
  const service = file.services[services.ws]
  const own = Object.entries(variables).filter(([name, value]) => imageVariables[name] !== value || name in service.environment)
  // Dollar signs are doubled, because a single one marks the beginning of a variable in a Compose file.
  service.environment = Object.fromEntries(own.map(([name, value]) => [name, value.replaceAll('$', '$$$$')]))
  return stringify(file)
}

/**
 * Reconstructs and saves the Compose file from which a replica was created.
 * @param save function that writes the Compose file and returns its path
 * @returns false if the replica cannot be recreated, because more than variable values has changed in the Compose files
 */
export async function recoverFile(
  project: string,
  container: Container,
  now: ResolvedService,
  save: (text: string) => Promise<string>,
): Promise<boolean> {
  const { hash, image } = versionOf(container)
  if (hash === now.hash) return (await save(now.text)) !== ''
  const { stdout } = await tryDocker(['image', 'inspect', '--format', '{{json .Config.Env}}', image], { withinSeconds })
  const ofImage = variablesOf(
    z
      .array(z.string())
      .catch([])
      .parse(JSON.parse(stdout || '[]')),
  )
  const file = await save(fileOfReplica(now.text, variablesOf(container.Config.Env ?? []), ofImage))
  return (await hashOf(project, file)) === hash
}

/** Lists the differences between two environments, one line each, without showing secrets. Pure. */
export function changedSettings(before: ResolvedService['environment'], after: ResolvedService['environment']): string[] {
  const names = [...new Set([...Object.keys(before), ...Object.keys(after)])].sort()
  const shown = (name: string, value: string | null | undefined) => {
    if (value === undefined || value === null) return 'not set'
    return /SECRET|TOKEN|PASSWORD|KEY|URL/.test(name) ? '(not shown)' : JSON.stringify(value)
  }
  return names
    .filter((name) => (before[name] ?? null) !== (after[name] ?? null))
    .map((name) => `${name}: ${shown(name, before[name])} -> ${shown(name, after[name])}`)
}

/** Rejects if the image does not exist on this machine. */
export async function imageHere(name: string): Promise<string> {
  const id = await imageId(name)
  if (id === undefined)
    throw new LabError(`there is no image ${name} on this machine; docker pull ${name}, or build it: ./lab rollout --build`)
  return id
}
