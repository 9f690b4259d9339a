/**
 * The lab as its Compose files and the configuration that they mount describe it: who stands in which network, who has a
 * port on the host, and who calls whom. A call is not declared anywhere: it is an address, `NAME:PORT`, in the caller's
 * environment, command or configuration. Pure.
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
  /** In the order of the file. One that lives in another's network has that one's. */
  networks: readonly string[]
  /** The service whose network it shares. */
  inside: string | undefined
  hostPorts: readonly { variable: string; fallback: number; target: number }[]
  profiles: readonly string[]
  /** In one of the files that are laid over the first. */
  added: boolean
  replicas: number | undefined
  /** Has the Docker socket. */
  hasEngine: boolean
  dependsOn: readonly string[]
}

export interface Call {
  from: string
  to: string
  /** Inside the network; undefined: it stands in the other's place. */
  ports: readonly number[]
}

export interface Model {
  services: readonly Service[]
  networks: readonly { name: string; internal: boolean }[]
  calls: readonly Call[]
}

/** What there is to read. */
export interface Sources {
  /** The first one, and those that are laid over it. */
  files: readonly ComposeFile[]
  prometheus: PrometheusConfig
  /** Text of the configuration that a service reads, by its name: what is mounted, or built into it. */
  configuration: Readonly<Record<string, string>>
}

/** @throws Error when a port is published in a way that cannot be read */
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

/** As Compose lays files over each other, for what is read here. */
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
  // As it is where the variable is not set.
  return text.replaceAll(/\$\{\w+:?-([^}]*)\}/g, '$1')
}

/** Every address of another service in a text. */
function addressesIn(text: string, from: string, names: readonly string[]): Found[] {
  const longestFirst = [...names].sort((a, b) => b.length - a.length)
  const address = new RegExp(`(?<![\\w./-])(?:\\w+://)?(${longestFirst.join('|')}):(\\d{2,5})\\b`, 'g')
  return [...text.matchAll(address)].flatMap(([, to = '', port]) => (to === from ? [] : [{ from, to, port: Number(port) }]))
}

/** Traefik sends to whoever asks for it by label. */
function routed(name: string, services: ReadonlyMap<string, ComposeService>): Found[] {
  const labels = services.get(name)?.labels ?? {}
  if (labels['traefik.enable'] !== 'true') return []
  return Object.entries(labels).flatMap(([label, value]) =>
    /\.loadbalancer\.(server|healthcheck)\.port$/.test(label) ? [{ from: 'traefik', to: name, port: Number(value) }] : [],
  )
}

/** Prometheus scrapes what it keeps of the containers that Docker tells it of. */
function discovered({ scrape_configs }: PrometheusConfig): Found[] {
  return scrape_configs
    .filter(({ docker_sd_configs }) => docker_sd_configs !== undefined)
    .map(({ job_name, relabel_configs = [] }) => {
      const keep = relabel_configs.find(
        ({ action, source_labels }) => action === 'keep' && source_labels?.[0]?.endsWith('com_docker_compose_service'),
      )
      const port = /:(\d+)$/.exec(relabel_configs.find(({ target_label }) => target_label === '__address__')?.replacement ?? '')?.[1]
      if (keep?.regex === undefined || port === undefined) throw new Error(`job ${job_name}: says neither service nor port`)
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
