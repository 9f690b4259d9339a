/** Collects the facts for the `doctor` command, without changing anything. */
import { readFile, statfs } from 'node:fs/promises'
import { homedir } from 'node:os'
import { join, resolve } from 'node:path'
import { hostPorts, services } from '@lab/contract/endpoints.ts'
import { failure, type Result, success } from '@lab/contract/result.ts'
import { configCommand, overlayServices } from '@lab/host/compose.ts'
import { run, tryDocker, whyFailed } from '@lab/host/docker.ts'
import { root } from '@lab/host/root.ts'
import { composeLab } from '@lab/lab/compose/lab.ts'
import { places } from '@lab/lab/compose/places.ts'
import { type Model, readModel } from '@lab/lab/compose/project.ts'
import { z } from 'zod'
import { probeCompose, probeContext, probeEngine } from './engine-probe.ts'
import type { ContainerFact, Facts, PortFact } from './facts.ts'
import { freePortAfter, portOwner, probePort } from './port-probe.ts'
import { settingProblems } from './settings.ts'

const withinSeconds = 30

/** The part of the lab that `up` would start. */
export interface Meant {
  /** The active profiles, in the format of COMPOSE_PROFILES. */
  profiles: string
  without?: readonly string[]
  /** Whether `up` would start the scaler. */
  overlay?: boolean
}

interface SeenContainer extends ContainerFact {
  project: string
  ports: readonly number[]
}

export async function gatherFacts(meant: Meant): Promise<Facts> {
  const [{ engine, dataFolder }, compose, context, config, lineEndings, proxies] = await Promise.all([
    probeEngine(),
    probeCompose(),
    probeContext(),
    probeModel(),
    probeLineEndings(root),
    probeProxies(),
  ])
  const answers = engine.state === 'answers'
  const [seen, present] = answers ? await Promise.all([probeContainers(), probeImages()]) : [[], new Set<string>()]
  const model = config.ok ? config.value : undefined
  const runs = seen.some(({ project, service, state }) => project === model?.name && service === services.ws && state === 'running')
  const outdated = runs ? await probeOutdated() : undefined
  const project = model?.name ?? ''
  const disk = await probeDisk(dataFolder)
  const defaultPlatform = process.env.DOCKER_DEFAULT_PLATFORM
  return {
    platform: process.platform,
    engine,
    compose,
    ...(!config.ok && { configProblem: config.problems.join('; ') }),
    settingProblems: model ? await settingProblems(model) : [],
    withScaler: meant.overlay === true,
    ...(context && { context }),
    ...(defaultPlatform && { defaultPlatform }),
    ports: await probePorts(model, seen, meant),
    ...(disk && { disk }),
    images: model && answers ? imagesOf(model, meant).map((image) => ({ image, present: present.has(tagged(image)) })) : [],
    containers: seen.filter((container) => project !== '' && container.project === project),
    ...(outdated && { outdated }),
    folder: resolve(root),
    project,
    lineEndings,
    proxies,
  }
}

async function probeOutdated(): Promise<NonNullable<Facts['outdated']>> {
  try {
    const lab = await composeLab()
    try {
      return success(await lab.rollouts.outdated())
    } finally {
      await lab.close()
    }
  } catch (error) {
    return failure((error as Error).message)
  }
}

async function probeModel(): Promise<Result<Model>> {
  const ran = await tryDocker(configCommand(), { withinSeconds })
  return ran.exitCode === 0 ? success(readModel(ran.stdout)) : failure(whyFailed(ran, withinSeconds))
}

/** Whether `up` would start a service. */
export function starts(model: Model | undefined, service: string, { profiles, without = [], overlay = false }: Meant): boolean {
  const own = model?.services[service]?.profiles ?? []
  const on = profiles.split(',')
  if (overlayServices.includes(service) && !overlay) return false
  return !without.includes(service) && (own.length === 0 || on.includes('*') || own.some((profile) => on.includes(profile)))
}

/** Lists the k6 image and the images of all services that `up` would start. */
function imagesOf(model: Model, meant: Meant): string[] {
  const wanted = Object.keys(model.services).filter((service) => service === services.k6 || starts(model, service, meant))
  return [...new Set(wanted.map((service) => imageOf(model, service)))].sort()
}

/** Returns a service's image. Compose derives the name of a built image from the names of the project and the service. */
function imageOf({ name, services: all }: Model, service: string): string {
  return all[service]?.image ?? `${name}-${service}`
}

/** Lists the services whose image does not exist on this machine. */
export async function withoutImage(model: Model, services: readonly string[]): Promise<string[]> {
  const present = await probeImages()
  return services.filter((service) => !present.has(tagged(imageOf(model, service))))
}

const tagged = (image: string) => (/:[^/]+$/.test(image) ? image : `${image}:latest`)

async function probeImages(): Promise<Set<string>> {
  const ran = await tryDocker({ args: ['image', 'ls', '--format', '{{.Repository}}:{{.Tag}}'] }, { withinSeconds })
  return new Set(ran.stdout.split('\n').filter(Boolean))
}

async function probeContainers(): Promise<SeenContainer[]> {
  const label = (name: string) => `{{.Label "com.docker.compose.${name}"}}`
  const columns = ['{{.Names}}', '{{.State}}', label('service'), label('project'), label('project.working_dir'), '{{.Ports}}']
  const ran = await tryDocker({ args: ['ps', '--all', '--format', columns.join('\t')] }, { withinSeconds })
  return ran.stdout
    .split('\n')
    .filter(Boolean)
    .map((line) => {
      const [name = '', state = '', service = '', project = '', folder = '', ports = ''] = line.split('\t')
      const published = [...ports.matchAll(/:(\d+)->/g)].map(([, port]) => Number(port))
      return { name, state, service, project, folder, ports: published }
    })
}

async function probePorts(model: Model | undefined, seen: readonly SeenContainer[], meant: Meant): Promise<PortFact[]> {
  const wanted = places.map(({ variable, target }) => ({
    variable,
    needed: starts(model, services.traefik, meant),
    port: model?.services[services.traefik]?.ports.find((port) => port.target === target)?.published ?? hostPorts[variable],
  }))
  // A port is suggested only if no other variable uses it and it has not already been suggested for another variable.
  const reserved = new Set(wanted.map(({ port }) => port))
  const facts: PortFact[] = []
  for (const { variable, port, needed } of wanted) {
    const holder = seen.find(({ ports }) => ports.includes(port))
    const ours = holder !== undefined && holder.project === model?.name
    const state = ours ? 'ours' : holder ? 'taken' : await probePort(port)
    const twice = facts.some((fact) => fact.port === port)
    const free = state === 'taken' || state === 'denied' || twice ? await freePortAfter(port, reserved) : undefined
    if (free !== undefined) reserved.add(free)
    const owner = ours ? undefined : holder ? `the container ${holder.name}` : state === 'taken' ? await portOwner(port) : undefined
    facts.push({ variable, port, needed, state, ...(owner && { owner }), ...(free !== undefined && { free }) })
  }
  return facts
}

/** Returns the free space in the engine's data folder or, if that folder is inaccessible, in the checkout. */
async function probeDisk(dataFolder: string): Promise<Facts['disk']> {
  for (const path of [dataFolder, resolve(root)].filter(Boolean)) {
    const found = await statfs(path).catch(() => undefined)
    if (found) return { path, freeBytes: found.bavail * found.bsize }
  }
  return undefined
}

/** Lists the committed files whose copies in the working tree contain carriage returns. @param folder path of a checkout */
export async function probeLineEndings(folder: string): Promise<Facts['lineEndings']> {
  const ran = await run('git', ['ls-files', '--eol', '-z'], { withinSeconds, folder })
  if (ran.exitCode !== 0) return failure(ran.missing ? 'git is not installed' : whyFailed(ran, withinSeconds))
  const crlf = ran.stdout.split('\0').flatMap((entry) => {
    const [about = '', path = ''] = entry.split('\t')
    return /\bw\/(crlf|mixed)\b/.test(about) && !/attr\/-text/.test(about) ? [path] : []
  })
  return success(crlf)
}

const dockerConfigSchema = z.object({
  proxies: z.record(
    z.string(),
    z.object({ httpProxy: z.string().optional(), httpsProxy: z.string().optional(), noProxy: z.string().default('') }),
  ),
})

/**
 * Returns the proxies that are set in this environment and those that Docker passes to containers. Proxy addresses are omitted, because
 * they may contain passwords.
 */
async function probeProxies(): Promise<Facts['proxies']> {
  const of = (name: string) => process.env[name] || process.env[name.toLowerCase()]
  const set = ['HTTP_PROXY', 'HTTPS_PROXY', 'ALL_PROXY'].filter(of)
  const file = join(process.env.DOCKER_CONFIG ?? join(homedir(), '.docker'), 'config.json')
  const text = await readFile(file, 'utf8').catch(() => '{}')
  const config = dockerConfigSchema.safeParse(parsed(text)).data?.proxies ?? {}
  return [
    ...(set.length > 0 ? [{ where: set.join(', '), noProxy: of('NO_PROXY') ?? '' }] : []),
    ...Object.values(config)
      .filter(({ httpProxy, httpsProxy }) => httpProxy || httpsProxy)
      .map(({ noProxy }) => ({ where: file, noProxy })),
  ]
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return {}
  }
}
