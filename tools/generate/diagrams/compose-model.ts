/**
 * Derives a model of the lab from the Compose files and the mounted configuration: each service's networks and host ports, and the calls
 * between services. Calls between services are not declared; they are derived from `NAME:PORT` addresses in the caller's environment,
 * command or configuration. Pure.
 */

export interface ComposeService {
  networks?: string[]
  network_mode?: string
  ports?: string[]
  profiles?: string[]
  environment?: Record<string, string | null>
  command?: string | string[]
  volumes?: string[]
  labels?: Record<string, string>
  depends_on?: Record<string, unknown>
  deploy?: { replicas?: number }
}

export interface ComposeFile {
  services: Record<string, ComposeService>
  networks?: Record<string, { internal?: boolean } | null>
}

interface RelabelConfig {
  source_labels?: string[]
  regex?: string
  action?: string
  replacement?: string
  target_label?: string
}

export interface PrometheusConfig {
  scrape_configs: { job_name: string; docker_sd_configs?: unknown[]; relabel_configs?: RelabelConfig[] }[]
}

export interface Service {
  name: string
  /**
   * The service's networks, in the order of the Compose file. A service that shares another service's network belongs to that service's
   * networks.
   */
  networks: readonly string[]
  /** The service whose network this service shares (through `network_mode`). */
  inside: string | undefined
  hostPorts: readonly { variable: string; fallback: number; target: number }[]
  profiles: readonly string[]
  /** Whether the service is defined only in an overlay file. */
  added: boolean
  replicas: number | undefined
  /** Whether the service mounts the Docker socket. */
  hasEngine: boolean
  dependsOn: readonly string[]
}

export interface Call {
  from: string
  to: string
  /** The called service's port numbers; empty if the caller shares that service's network. */
  ports: readonly number[]
}

export interface Model {
  services: readonly Service[]
  networks: readonly { name: string; internal: boolean }[]
  calls: readonly Call[]
}

/** The input files from which the model is built. */
export interface Sources {
  /** The base Compose file, followed by its overlays. */
  files: readonly ComposeFile[]
  prometheus: PrometheusConfig
  /** The text of the configuration that each service mounts or contains, by service name. */
  configuration: Readonly<Record<string, string>>
}

/** Builds the model. @throws Error if a published port has an unsupported format */
export function modelOf({ files, prometheus, configuration }: Sources): Model {
  const names = [...new Set(files.flatMap((file) => Object.keys(file.services)))]
  const merged = new Map(names.map((name) => [name, merge(files.flatMap((file) => file.services[name] ?? []))]))
  const services = names.map((name): Service => {
    const service = merged.get(name) ?? {}
    return {
      name,
      networks: networksOf(name, merged),
      inside: insideOf(service),
      hostPorts: (service.ports ?? []).map(readPort),
      profiles: service.profiles ?? [],
      added: files[0]?.services[name] === undefined,
      replicas: files[0]?.services[name]?.deploy?.replicas,
      hasEngine: (service.volumes ?? []).some((volume) => volume.includes('docker.sock')),
      dependsOn: Object.keys(service.depends_on ?? {}),
    }
  })
  const found = [
    ...services.flatMap(({ name }) => addressesIn(textOf(merged.get(name) ?? {}, configuration[name]), name, names)),
    ...services.flatMap(({ name }) => routed(name, merged)),
    ...discovered(prometheus),
  ]
  const reaches = (from: string, to: string) => networksOf(from, merged).some((network) => networksOf(to, merged).includes(network))
  const calls = gather(found.filter(({ from, to }) => reaches(from, to)))
  const substitutes = services.flatMap(({ name, inside }) => (inside === undefined ? [] : [{ from: name, to: inside, ports: [] }]))
  const networks = files.flatMap((file) => Object.entries(file.networks ?? {}))
  return {
    services,
    networks: networks.map(([name, network]) => ({ name, internal: network?.internal ?? false })),
    calls: [...calls, ...substitutes],
  }
}

/** Merges a service's definitions as Compose does, for the fields that this model uses. */
function merge(parts: readonly ComposeService[]): ComposeService {
  const merged: ComposeService = {}
  for (const part of parts) Object.assign(merged, part, { labels: { ...merged.labels, ...part.labels } })
  return merged
}

function insideOf({ network_mode }: ComposeService): string | undefined {
  return /^service:(.+)$/.exec(network_mode ?? '')?.[1]
}

function networksOf(name: string, services: ReadonlyMap<string, ComposeService>): readonly string[] {
  const service = services.get(name) ?? {}
  const inside = insideOf(service)
  return inside === undefined ? (service.networks ?? []) : networksOf(inside, services)
}

function readPort(text: string): Service['hostPorts'][number] {
  const [, variable, fallback, target] = /^127\.0\.0\.1:\$\{(\w+):-(\d+)\}:(\d+)$/.exec(text) ?? []
  if (variable === undefined) throw new Error(`port ${text}: allowed is 127.0.0.1:\${VARIABLE:-PORT}:PORT`)
  return { variable, fallback: Number(fallback), target: Number(target) }
}

type Found = { from: string; to: string; port: number }

function textOf({ environment = {}, command = [] }: ComposeService, configuration = ''): string {
  const text = [...Object.values(environment), ...[command].flat(), configuration].join('\n')
  // Each variable is replaced with its default value.
  return text.replaceAll(/\$\{\w+:?-([^}]*)\}/g, '$1')
}

/** Finds all addresses of other services in a string. */
function addressesIn(text: string, from: string, names: readonly string[]): Found[] {
  const longestFirst = [...names].sort((a, b) => b.length - a.length)
  const address = new RegExp(`(?<![\\w./-])(?:\\w+://)?(${longestFirst.join('|')}):(\\d{2,5})\\b`, 'g')
  return [...text.matchAll(address)].flatMap(([, to = '', port]) => (to === from ? [] : [{ from, to, port: Number(port) }]))
}

/** Traefik calls every service that has Traefik labels. */
function routed(name: string, services: ReadonlyMap<string, ComposeService>): Found[] {
  const labels = services.get(name)?.labels ?? {}
  if (labels['traefik.enable'] !== 'true') return []
  return Object.entries(labels).flatMap(([label, value]) =>
    /\.loadbalancer\.(server|healthcheck)\.port$/.test(label) ? [{ from: 'traefik', to: name, port: Number(value) }] : [],
  )
}

/** Prometheus calls the services that its relabelling rules select after Docker service discovery. */
function discovered({ scrape_configs }: PrometheusConfig): Found[] {
  return scrape_configs
    .filter(({ docker_sd_configs }) => docker_sd_configs !== undefined)
    .map(({ job_name, relabel_configs = [] }) => {
      const keep = relabel_configs.find(
        ({ action, source_labels }) => action === 'keep' && source_labels?.[0]?.endsWith('com_docker_compose_service'),
      )
      const port = /:(\d+)$/.exec(relabel_configs.find(({ target_label }) => target_label === '__address__')?.replacement ?? '')?.[1]
      if (keep?.regex === undefined || port === undefined) throw new Error(`job ${job_name}: has no service or no port`)
      return { from: 'prometheus', to: keep.regex, port: Number(port) }
    })
}

function gather(found: readonly Found[]): Call[] {
  const pairs = Map.groupBy(found, ({ from, to }) => `${from} ${to}`)
  return [...pairs.values()].map((same) => {
    const [{ from, to } = { from: '', to: '' }] = same
    return { from, to, ports: [...new Set(same.map(({ port }) => port))].sort((a, b) => a - b) }
  })
}
