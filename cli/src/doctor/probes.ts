/** Gathers the facts. Looks, and changes nothing. */
import { readFile, statfs } from 'node:fs/promises'
import { homedir } from 'node:os'
import { join, resolve } from 'node:path'
import { hostPorts, services } from '@lab/contract/endpoints.ts'
import { z } from 'zod'
import { configCommand } from '../compose.ts'
import { root, run, tryDocker, whyFailed } from '../docker.ts'
import { places } from '../places.ts'
import { type Model, readModel } from '../project.ts'
import { probeCompose, probeContext, probeEngine } from './engine-probe.ts'
import type { ContainerFact, Facts, PortFact } from './facts.ts'
import { freePortAfter, portOwner, probePort } from './port-probe.ts'

const withinSeconds = 30

/** What is meant to be started. */
export interface Meant {
  /** Profiles that are on, as in COMPOSE_PROFILES. */
  profiles: string
  without?: readonly string[]
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
  const model = 'model' in config ? config.model : undefined
  const project = model?.name ?? ''
  const disk = await probeDisk(dataFolder)
  const defaultPlatform = process.env.DOCKER_DEFAULT_PLATFORM
  return {
    platform: process.platform,
    engine,
    compose,
    ...('problem' in config && { configProblem: config.problem }),
    ...(context && { context }),
    ...(defaultPlatform && { defaultPlatform }),
    ports: await probePorts(model, seen, meant),
    ...(disk && { disk }),
    images: model && answers ? imagesOf(model, meant).map((image) => ({ image, present: present.has(tagged(image)) })) : [],
    containers: seen.filter((container) => project !== '' && container.project === project),
    folder: resolve(root),
    project,
    lineEndings,
    proxies,
  }
}

async function probeModel(): Promise<{ model: Model } | { problem: string }> {
  const ran = await tryDocker(configCommand(), withinSeconds)
  return ran.exitCode === 0 ? { model: readModel(ran.stdout) } : { problem: whyFailed(ran, withinSeconds) }
}

/** Whether a service is started by what is meant. */
function starts(model: Model | undefined, service: string, { profiles, without = [] }: Meant): boolean {
  const own = model?.services[service]?.profiles ?? []
  const on = profiles.split(',')
  return !without.includes(service) && (own.length === 0 || on.includes('*') || own.some((profile) => on.includes(profile)))
}

/** Images of what is meant, of k6, and the built ones under the names that Compose gives them. */
function imagesOf(model: Model, meant: Meant): string[] {
  const overlay: readonly string[] = [services.scaler, services.scalerProxy]
  const wanted = Object.entries(model.services).filter(
    ([service]) => !overlay.includes(service) && (service === services.k6 || starts(model, service, meant)),
  )
  return [...new Set(wanted.map(([service, { image }]) => image ?? `${model.name}-${service}`))].sort()
}

const tagged = (image: string) => (/:[^/]+$/.test(image) ? image : `${image}:latest`)

async function probeImages(): Promise<Set<string>> {
  const ran = await tryDocker({ args: ['image', 'ls', '--format', '{{.Repository}}:{{.Tag}}'] }, withinSeconds)
  return new Set(ran.stdout.split('\n').filter(Boolean))
}

async function probeContainers(): Promise<SeenContainer[]> {
  const label = (name: string) => `{{.Label "com.docker.compose.${name}"}}`
  const columns = ['{{.Names}}', '{{.State}}', label('service'), label('project'), label('project.working_dir'), '{{.Ports}}']
  const ran = await tryDocker({ args: ['ps', '--all', '--format', columns.join('\t')] }, withinSeconds)
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
  const wanted = places.map(({ variable, service, target }) => ({
    variable,
    needed: starts(model, service, meant),
    port: model?.services[service]?.ports.find((port) => port.target === target)?.published ?? hostPorts[variable],
  }))
  // Also those that a line was already proposed for.
  const spoken = new Set(wanted.map(({ port }) => port))
  const facts: PortFact[] = []
  for (const { variable, port, needed } of wanted) {
    const holder = seen.find(({ ports }) => ports.includes(port))
    const ours = holder !== undefined && holder.project === model?.name
    const state = ours ? 'ours' : holder ? 'taken' : await probePort(port)
    const twice = facts.some((fact) => fact.port === port)
    const free = state === 'taken' || state === 'denied' || twice ? await freePortAfter(port, spoken) : undefined
    if (free !== undefined) spoken.add(free)
    const owner = ours ? undefined : holder ? `the container ${holder.name}` : state === 'taken' ? await portOwner(port) : undefined
    facts.push({ variable, port, needed, state, ...(owner && { owner }), ...(free !== undefined && { free }) })
  }
  return facts
}

/** Of the engine's own folder where that can be seen, of the checkout otherwise. */
async function probeDisk(dataFolder: string): Promise<Facts['disk']> {
  for (const path of [dataFolder, resolve(root)].filter(Boolean)) {
    const found = await statfs(path).catch(() => undefined)
    if (found) return { path, freeBytes: found.bavail * found.bsize }
  }
  return undefined
}

/** Committed files whose copies in the work tree have carriage returns. @param folder of a checkout */
export async function probeLineEndings(folder: string): Promise<Facts['lineEndings']> {
  const ran = await run('git', ['ls-files', '--eol', '-z'], withinSeconds, { cwd: folder })
  if (ran.exitCode !== 0) return { problem: ran.missing ? 'there is no git here' : whyFailed(ran, withinSeconds) }
  const crlf = ran.stdout.split('\0').flatMap((entry) => {
    const [about = '', path = ''] = entry.split('\t')
    return /\bw\/(crlf|mixed)\b/.test(about) && !/attr\/-text/.test(about) ? [path] : []
  })
  return { crlf }
}

const dockerConfigSchema = z.object({
  proxies: z.record(
    z.string(),
    z.object({ httpProxy: z.string().optional(), httpsProxy: z.string().optional(), noProxy: z.string().default('') }),
  ),
})

/** Proxies of this environment, and those that Docker hands to containers. What they are called stays here: it may hold a password. */
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
