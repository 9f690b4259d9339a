/** Compares the manifests in k8s/ with the Compose files, the contract and the scaler's files, and checks their references. */
import { existsSync, statSync } from 'node:fs'
import { dirname, join } from 'node:path/posix'
import { colours, jobs, paths, ports, services, stickyCookie } from '@lab/contract/endpoints.ts'
import { kubeStateMetrics } from '@lab/contract/kube-state-metrics.ts'
import { scalerMetrics } from '@lab/contract/scaler-metrics.ts'
import { labModel } from '@lab/generate/architecture.ts'
import { scenarios } from '@lab/k6/lib/scenarios.ts'
import { settings } from '@lab/ws/config.ts'
import { describe, expect, test } from 'vitest'
import { parse, parseAllDocuments } from 'yaml'
import { read, readCompose, readYaml, repoFiles, root, withDefaults } from './lib/repo-files.ts'

interface Container {
  name: string
  image: string
  args?: string[]
  env?: { name: string; value?: string; valueFrom?: unknown }[]
  ports?: { name: string; containerPort: number }[]
  resources: { requests: Record<string, string>; limits: Record<string, string> }
  startupProbe?: Probe
  readinessProbe?: Probe
  livenessProbe?: Probe
  lifecycle?: { preStop: { sleep: { seconds: number } } }
  securityContext: Record<string, unknown>
  volumeMounts?: { name: string; mountPath: string; readOnly?: boolean }[]
}
interface Probe {
  httpGet?: { path: string; port: number }
  exec?: { command: string[] }
  periodSeconds: number
  timeoutSeconds: number
  failureThreshold: number
}
interface PodSpec {
  terminationGracePeriodSeconds: number
  securityContext: Record<string, unknown>
  shareProcessNamespace?: boolean
  serviceAccountName?: string
  automountServiceAccountToken: boolean
  containers: [Container]
  volumes?: Record<string, { name?: string; secretName?: string; sources?: { configMap: { name: string; items: { key: string }[] } }[] }>[]
}
interface Manifest {
  kind: string
  apiVersion: string
  metadata: { name: string; labels?: Record<string, string>; annotations?: Record<string, string> }
  // Which fields a manifest's spec has depends on the manifest's kind.
  // biome-ignore lint/suspicious/noExplicitAny: each test reads the fields of one kind
  spec?: any
  data?: unknown
  stringData?: unknown
}
interface Kustomization {
  resources?: string[]
  components?: string[]
  configMapGenerator?: { name: string; files?: string[]; envs?: string[] }[]
  secretGenerator?: { name: string; files: string[] }[]
  patches?: { target: { kind: string; name: string }; patch: string }[]
}
interface Service {
  image?: string
  user?: string
  command?: string[]
  environment?: Record<string, string>
  mem_limit: string
  cpus: number
  stop_grace_period?: string
  tmpfs?: string[]
  init?: boolean
  labels?: Record<string, string>
  healthcheck: { test: string[]; interval: string; timeout: string; retries: number; start_period: string; start_interval: string }
}

const secretFile = 'k8s/base/secrets/resume'
/** All files in k8s/ except the secret, which exists only on machines that deploy the lab. */
const files = repoFiles((path) => path.startsWith('k8s/') && path !== secretFile)
const kustomizations = repoFiles((path) => path.endsWith('/kustomization.yaml'))
const objects = files
  .filter((path) => path.endsWith('.yaml') && !path.endsWith('kustomization.yaml') && !path.startsWith('k8s/metrics-adapter/'))
  .flatMap((path) => parseAllDocuments(read(path), { version: '1.1' }).map((one) => ({ path, ...(one.toJS() as Manifest) })))
const named = (kind: string, name: string) => {
  const found = objects.find((one) => one.kind === kind && one.metadata.name === name)
  if (found === undefined) throw new Error(`k8s/ has no ${kind} ${name}`)
  return found
}

/** The services in compose.yaml; `composed` merges them with those in compose.k8s-sim.yaml, as Compose does. */
const base = readCompose<{ services: Record<string, Service> }>('compose.yaml').services
const overlay = readCompose<{ services: Record<string, Partial<Service>> }>('compose.k8s-sim.yaml').services
const composed = (name: string): Service => ({
  ...(base[name] as Service),
  ...overlay[name],
  healthcheck: { ...(base[name] as Service).healthcheck, ...overlay[name]?.healthcheck },
  labels: { ...(base[name] as Service).labels, ...overlay[name]?.labels },
})

const workloads = objects.filter(({ kind }) => ['Deployment', 'StatefulSet', 'Job'].includes(kind))
const podOf = ({ spec }: Manifest) => spec.template.spec as PodSpec
/** On Compose, the scaler exports the metrics of kube-state-metrics. */
const onlyInCluster: readonly string[] = [jobs.kubeStateMetrics]
const longRunning = workloads
  .filter(({ kind, metadata }) => kind !== 'Job' && !onlyInCluster.includes(metadata.name))
  .map((one) => [one.metadata.name, one] as const)
const seconds = (text: string) => Math.ceil(Number.parseFloat(withDefaults(text)) / (text.endsWith('ms') ? 1000 : 1))
const megabytes = (text: string) => (text.endsWith('g') ? Number.parseInt(text, 10) * 1024 : Number.parseInt(text, 10))

test('the cluster runs every service of Compose except those that Kubernetes or the ingress controller replaces', () => {
  const replaced = [services.traefik, services.socketProxy, services.scaler, services.actuator]
  const left = [services.live, services.toxiproxy]
  const all = [...new Set([...Object.keys(base), ...Object.keys(overlay)])].filter(
    (name) => ![...replaced, ...left].includes(name as never),
  )
  expect(workloads.map(({ metadata }) => metadata.name).sort()).toEqual([...all, ...onlyInCluster].sort())
})

describe.each(longRunning)('%s', (name, workload) => {
  const service = composed(name)
  const pod = podOf(workload)
  const [container] = pod.containers

  test('has the image, the command and the environment of the Compose service', () => {
    const { version } = JSON.parse(read('package.json')) as { version: string }
    expect(container.image).toBe(service.image ?? `websocket-lab/${name}:${version}`)
    expect(container.args).toEqual(service.command?.map(withDefaults))
    if (name === services.ws) return
    const environment = Object.entries(service.environment ?? {}).map(([key, value]) => [key, withDefaults(String(value))])
    expect(Object.fromEntries((container.env ?? []).map((one) => [one.name, one.value]))).toEqual(Object.fromEntries(environment))
  })

  test('has the limits of the Compose service, and lower requests', () => {
    const { limits, requests } = container.resources
    expect(cores(limits.cpu)).toBe(service.cpus)
    expect(limits.memory).toBe(`${megabytes(service.mem_limit)}Mi`)
    expect(cores(requests.cpu)).toBeLessThan(service.cpus)
    expect(Number.parseInt(requests.memory ?? '', 10)).toBeLessThan(megabytes(service.mem_limit))
  })

  test('has the grace period of the Compose service, or that of Docker', () => {
    expect(pod.terminationGracePeriodSeconds).toBe(seconds(service.stop_grace_period ?? '10s'))
  })

  test('has startup and readiness probes with the times of the health check', () => {
    const { interval, timeout, retries, start_period, start_interval, test: check } = service.healthcheck
    const { startupProbe, readinessProbe } = container
    expect(readinessProbe).toMatchObject({
      periodSeconds: seconds(interval),
      timeoutSeconds: seconds(timeout),
      failureThreshold: retries,
    })
    expect(startupProbe).toMatchObject({ periodSeconds: seconds(start_interval), timeoutSeconds: seconds(timeout) })
    expect((startupProbe?.periodSeconds ?? 0) * (startupProbe?.failureThreshold ?? 0)).toBe(seconds(start_period))
    const { httpGet, exec } = readinessProbe ?? {}
    if (httpGet) for (const part of [String(httpGet.port), httpGet.path]) expect(check.join(' ')).toContain(part)
    else expect(exec?.command).toEqual(check[0] === 'CMD-SHELL' ? ['sh', '-c', check[1]] : check.slice(1))
  })

  test('mounts a volume for each temporary folder', () => {
    const mounted = (container.volumeMounts ?? []).map(({ mountPath }) => mountPath)
    expect(mounted).toEqual(expect.arrayContaining((service.tmpfs ?? []).map((path) => path.split(':')[0])))
  })

  test('has a Service with the ports on which other services call it', () => {
    const called = labModel()
      .calls.filter(({ to, from }) => to === name && from !== services.traefik)
      .flatMap((call) => call.ports)
    const open = named('Service', name).spec.ports as { port: number; targetPort: string }[]
    const wanted = name === services.ws ? [ports.public] : called
    expect(open.map(({ port }) => port)).toEqual(expect.arrayContaining(wanted))
    const declared = (container.ports ?? []).map((one) => one.name)
    expect(open.filter(({ targetPort }) => !declared.includes(targetPort))).toEqual([])
  })
})

describe.each(workloads)('the pod of $metadata.name', (workload) => {
  const pod = podOf(workload)
  const [container] = pod.containers

  test('satisfies the policy restricted', () => {
    expect(pod.securityContext).toMatchObject({ runAsNonRoot: true, seccompProfile: { type: 'RuntimeDefault' } })
    expect(pod.securityContext.runAsUser).toBeGreaterThan(0)
    expect(container.securityContext).toEqual({
      allowPrivilegeEscalation: false,
      readOnlyRootFilesystem: true,
      capabilities: { drop: ['ALL'] },
    })
  })

  test('has a token of the API server only if it has rights of its own', () => {
    expect(pod.automountServiceAccountToken).toBe(pod.serviceAccountName !== undefined)
  })

  test('pulls no image that is on the node, and names a version', () => {
    expect(container).toMatchObject({ imagePullPolicy: 'IfNotPresent' })
    expect(container.image).toMatch(/:[\w.-]*\d[\w.-]*$/)
  })
})

describe('the replicas', () => {
  const { spec } = named('Deployment', services.ws)
  const pod = podOf(named('Deployment', services.ws))
  const [container] = pod.containers
  const service = composed(services.ws)

  test('request what the labels of compose.k8s-sim.yaml state', () => {
    const { 'lab.requests.cpu': cpu, 'lab.requests.memory': memory } = service.labels ?? {}
    expect(container.resources.requests).toEqual({ cpu, memory })
  })

  test('are replaced one at a time, and started before others stop', () => {
    expect(spec.strategy.rollingUpdate).toEqual({ maxSurge: 1, maxUnavailable: 0 })
  })

  test('have no number in the Deployment, because a repeated apply would reset the number that the HPA chose', () => {
    expect(spec.replicas).toBeUndefined()
  })

  test('have three probes on the internal port', () => {
    const { startupProbe, readinessProbe, livenessProbe } = container
    expect(startupProbe?.httpGet).toEqual({ path: paths.readyz, port: ports.internal })
    expect(readinessProbe?.httpGet).toEqual({ path: paths.readyz, port: ports.internal })
    expect(livenessProbe?.httpGet).toEqual({ path: paths.livez, port: ports.internal })
  })

  test('finish their drain within the grace period, which includes the wait before SIGTERM', () => {
    const wait = container.lifecycle?.preStop.sleep.seconds ?? 0
    const drain = Number(replicaSettings().DRAIN_TIMEOUT) / 1000
    expect(wait).toBeGreaterThan(0)
    expect(wait + drain).toBe(settings.DRAIN_TIMEOUT.default / 1000)
    expect(pod.terminationGracePeriodSeconds - wait - drain).toBeGreaterThanOrEqual(10)
  })

  test('have an init process, as on Compose', () => {
    expect(pod.shareProcessNamespace).toBe(service.init)
  })

  test('get every variable that Compose sets, and only known settings', () => {
    const given = Object.entries(service.environment ?? {}).filter(([, value]) => withDefaults(value) !== '')
    const own = ['RESUME_SECRET_FILE', 'REPLICA_DNS_PREFIX']
    const wanted = given.filter(([name, value]) => !own.includes(name) && !/^\$\{\w+(:?-)?\}$/.test(value))
    for (const [name, value] of wanted) expect([name, replicaSettings()[name]]).toEqual([name, withDefaults(value)])
    expect(Object.keys(replicaSettings()).filter((name) => !(name in settings))).toEqual([])
    const variables = Object.fromEntries((container.env ?? []).map((one) => [one.name, one.value ?? one.valueFrom]))
    expect(variables).toEqual({
      REPLICA_ID: { fieldRef: { fieldPath: 'metadata.name' } },
      RESUME_SECRET_FILE: service.environment?.RESUME_SECRET_FILE,
    })
  })

  test('have a sticky cookie with the settings of Compose', () => {
    const { annotations = {} } = named('Service', services.ws).metadata
    const prefix = 'traefik.http.services.ws.loadbalancer.sticky.'
    const wanted = Object.entries(service.labels ?? {}).filter(([label]) => label.startsWith(prefix))
    expect(wanted.length).toBeGreaterThan(2)
    for (const [label, value] of wanted) {
      expect(annotations[`traefik.ingress.kubernetes.io/service.sticky.${label.slice(prefix.length)}`]).toBe(value)
    }
    const nginx = named('Ingress', services.ws).metadata.annotations ?? {}
    expect(nginx['nginx.ingress.kubernetes.io/session-cookie-name']).toBe(stickyCookie)
    expect(Number(nginx['nginx.ingress.kubernetes.io/proxy-read-timeout']) * 1000).toBeGreaterThan(settings.CONNECTION_TIMEOUT.default)
  })

  test('do not set the colour of a deploy', () => {
    expect(colours).not.toContain(replicaSettings().LAB_COLOUR)
  })

  test('have the HPA of the scaler', () => {
    expect(parse(read('k8s/base/hpa.yaml'))).toEqual(readYaml('scaler/hpa.yaml'))
    const { name, kind, apiVersion } = named('HorizontalPodAutoscaler', services.ws).spec.scaleTargetRef
    expect(named(kind, name).apiVersion).toBe(apiVersion)
  })
})

describe('monitoring', () => {
  const config = readYaml<{ scrape_configs: { job_name: string; relabel_configs?: { target_label?: string }[] }[]; rule_files: string[] }>(
    'k8s/base/monitoring/prometheus.yml',
  )
  const onCompose = readYaml<typeof config>('prometheus/prometheus.yml')

  test('the configuration of Prometheus differs only in the jobs', () => {
    const { scrape_configs: clusterJobs, ...rest } = config
    const { scrape_configs: composeJobs, ...composeRest } = onCompose
    const variables = (text: string) =>
      text.replaceAll(/\$\{(\w+)\}/g, (_, name) => withDefaults(base.prometheus?.environment?.[name] ?? ''))
    expect(rest).toEqual(JSON.parse(variables(JSON.stringify(composeRest))))
    const discovered: readonly string[] = [jobs.ws, jobs.kubeStateMetrics]
    for (const job of clusterJobs.filter(({ job_name }) => !discovered.includes(job_name))) expect(composeJobs).toContainEqual(job)
  })

  test('replicas have the labels of Compose, and those that the metrics adapter needs', () => {
    const job = config.scrape_configs.find(({ job_name }) => job_name === services.ws)
    const labels = job?.relabel_configs?.map(({ target_label }) => target_label)
    expect(labels).toEqual(expect.arrayContaining(['replica', 'instance', 'namespace', 'pod']))
  })

  test('kube-state-metrics reads the objects whose metrics the scaler exports, and only those in the namespace', () => {
    const [container] = podOf(named('Deployment', jobs.kubeStateMetrics)).containers
    expect(container.args).toEqual(['--resources=pods,deployments,horizontalpodautoscalers', '--namespaces=ws-lab'])
    const exported = Object.values({ ...kubeStateMetrics, ...scalerMetrics }).filter(({ name }) => name.startsWith('kube_'))
    expect([...new Set(exported.map(({ name }) => name.split('_')[1]))].sort()).toEqual(['deployment', 'horizontalpodautoscaler', 'pod'])
    const { rules } = named('Role', jobs.kubeStateMetrics) as unknown as { rules: { resources: string[]; verbs: string[] }[] }
    expect(rules.flatMap(({ resources }) => resources)).toEqual(['pods', 'deployments', 'horizontalpodautoscalers'])
    for (const { verbs } of rules) expect(verbs).toEqual(['get', 'list', 'watch'])
    const job = config.scrape_configs.find(({ job_name }) => job_name === jobs.kubeStateMetrics)
    expect(JSON.stringify(job)).toContain(':8080')
  })

  test('the rules of the metrics adapter contain every metric of the HPA, and have no placeholder of the scaler', () => {
    const text = read('k8s/metrics-adapter/config.yaml')
    const { rules } = parse(text) as { rules: { seriesQuery: string; name?: { as: string }; metricsQuery: string }[] }
    const names = rules.map(({ seriesQuery, name }) => name?.as ?? seriesQuery.replace(/\{.*/, ''))
    const { metrics } = named('HorizontalPodAutoscaler', services.ws).spec as { metrics: { pods?: { metric: { name: string } } }[] }
    expect(names).toEqual(expect.arrayContaining(metrics.flatMap(({ pods }) => pods?.metric.name ?? [])))
    const { pods } = readYaml<{ pods: { name: string }[] }>('scaler/metrics.yaml')
    expect(names).toEqual(pods.map(({ name }) => name))
    expect(rules.filter(({ metricsQuery }) => metricsQuery.includes('replica') || !metricsQuery.includes('<<.Series>>'))).toEqual([])
  })
})

describe('the network policies', () => {
  const policies = objects.filter(({ kind }) => kind === 'NetworkPolicy')
  type Rule = { from?: Peer[]; to?: Peer[]; ports: { port: number }[] }
  type Peer = { podSelector?: { matchLabels: Record<string, string> } }
  const allows = (name: string, side: 'ingress' | 'egress', other: string, port: number) =>
    policies
      .filter(({ spec }) => Object.values(spec.podSelector.matchLabels ?? {})[0] === name)
      .flatMap(({ spec }) => (spec[side] ?? []) as Rule[])
      .some((rule) => {
        const peers = rule[side === 'ingress' ? 'from' : 'to'] ?? []
        const matches = peers.some(({ podSelector }) => podSelector === undefined || Object.values(podSelector.matchLabels)[0] === other)
        return matches && rule.ports.some((one) => one.port === port)
      })

  test('refuse everything else', () => {
    expect(named('NetworkPolicy', 'refuse-by-default').spec).toEqual({ policyTypes: ['Ingress', 'Egress'], podSelector: {} })
  })

  test('allow every call of the Compose model between parts in the cluster, and the load', () => {
    const inCluster = workloads.map(({ metadata }) => metadata.name)
    const calls = labModel().calls.filter(({ from, to }) => inCluster.includes(from) && inCluster.includes(to))
    expect(calls.length).toBeGreaterThan(8)
    for (const { from, to, ports: numbers } of [...calls, { from: services.k6, to: services.ws, ports: [ports.public] }]) {
      for (const port of numbers) {
        expect([from, to, port, allows(from, 'egress', to, port), allows(to, 'ingress', from, port)]).toEqual([from, to, port, true, true])
      }
    }
  })
})

describe('the load', () => {
  const job = named('Job', services.k6)
  const [container] = podOf(job).containers

  test('is five pods with 500 sockets each, for five minutes', () => {
    expect(job.spec).toMatchObject({ parallelism: 5, completions: 5 })
    const env = Object.fromEntries((container.env ?? []).map(({ name, value }) => [name, value]))
    expect(env).toMatchObject({ SCENARIO: 'workers', SOCKETS: '500', TARGET: `http://${services.ws}:${ports.public}` })
    const { stages, sockets } = scenarios.workers
    expect(sockets).toBe(5 * 500)
    expect(stages.reduce((sum, stage) => sum + stage.seconds, 0)).toBeLessThan(job.spec.activeDeadlineSeconds)
    expect(stages.some((stage) => stage.share === 1 && stage.seconds === 300)).toBe(true)
  })

  test('shares the limits of the Compose service among its pods', () => {
    const { limits } = container.resources
    expect(cores(limits.cpu) * 5).toBe(base.k6?.cpus)
    expect(Number.parseInt(limits.memory ?? '', 10)).toBe(Math.floor(megabytes(base.k6?.mem_limit ?? '') / 5))
  })
})

describe('kustomizations', () => {
  test.each(kustomizations)('%s refers only to existing files and folders', (path) => {
    const { resources = [], components = [], configMapGenerator = [], patches = [] } = readYaml<Kustomization>(path)
    const at = (other: string) => join(dirname(path), other)
    const listed = [...resources, ...components, ...configMapGenerator.flatMap(({ files: some = [], envs = [] }) => [...some, ...envs])]
    expect(listed.filter((other) => !existsSync(join(root, at(other))))).toEqual([])
    const folders = [...resources, ...components].filter((other) => !other.endsWith('.yaml'))
    expect(folders.filter((other) => !existsSync(join(root, at(other), 'kustomization.yaml')))).toEqual([])
    const unmatched = patches.filter(
      ({ target }) => !objects.some(({ kind, metadata }) => kind === target.kind && new RegExp(`^(${target.name})$`).test(metadata.name)),
    )
    expect(unmatched).toEqual([])
  })

  test('every file of k8s/ belongs to a kustomization', () => {
    const listed = kustomizations.flatMap((path) => {
      const { resources = [], configMapGenerator = [] } = readYaml<Kustomization>(path)
      const some = [...resources, ...configMapGenerator.flatMap(({ files: own = [], envs = [] }) => [...own, ...envs])]
      return some.map((other) => join(dirname(path), other))
    })
    expect(files.filter((path) => !path.endsWith('kustomization.yaml') && !listed.includes(path))).toEqual([])
  })

  test('every ConfigMap and Secret that a pod mounts is generated, with the mounted files', () => {
    const generated = kustomizations.flatMap((path) => {
      const { configMapGenerator = [], secretGenerator = [] } = readYaml<Kustomization>(path)
      return [...configMapGenerator, ...secretGenerator].map(({ name, files: own = [] }) => ({
        name,
        keys: own.map((one) => one.split('/').at(-1)),
      }))
    })
    const missing = workloads.flatMap((workload) =>
      (podOf(workload).volumes ?? []).flatMap(({ projected, secret }) => {
        const sources =
          projected?.sources?.map(({ configMap }) => ({ name: configMap.name, keys: configMap.items.map(({ key }) => key) })) ?? []
        const wanted = [...sources, ...(secret?.secretName ? [{ name: secret.secretName, keys: [] }] : [])]
        return wanted.filter(({ name, keys }) => !generated.some((one) => one.name === name && keys.every((key) => one.keys.includes(key))))
      }),
    )
    expect(missing).toEqual([])
  })

  test('no ConfigMap exceeds the size that kubectl apply stores in an annotation', () => {
    const sizes = kustomizations.flatMap((path) =>
      (readYaml<Kustomization>(path).configMapGenerator ?? []).map(({ name, files: own = [] }) => ({
        name,
        bytes: own.reduce((sum, file) => sum + statSync(join(root, dirname(path), file)).size, 0),
      })),
    )
    expect(sizes.filter(({ bytes }) => bytes > 200 * 1024)).toEqual([])
  })

  test('Grafana gets every file that Compose mounts', () => {
    const provisioned = repoFiles((path) => path.startsWith('grafana/provisioning/'))
    const { configMapGenerator = [] } = readYaml<Kustomization>('grafana/kustomization.yaml')
    expect(configMapGenerator.flatMap(({ files: own = [] }) => own.map((file) => `grafana/${file}`)).sort()).toEqual(provisioned)
  })
})

describe('secrets', () => {
  test('no file of k8s/ contains a value', () => {
    expect(objects.filter(({ kind, data, stringData }) => kind === 'Secret' || stringData !== undefined || data !== undefined)).toEqual([])
    const literals = kustomizations.filter((path) => /^secretGenerator:[\s\S]*literals:/m.test(read(path)))
    expect(literals).toEqual([])
  })

  test('git ignores the file with the value', () => {
    const { secretGenerator = [] } = readYaml<Kustomization>(join(dirname(secretFile), 'kustomization.yaml'))
    expect(secretGenerator.flatMap(({ files: own }) => own.map((file) => join(dirname(secretFile), file)))).toEqual([secretFile])
    expect(read('.gitignore').split('\n')).toContain(secretFile)
  })
})

function cores(text = ''): number {
  return text.endsWith('m') ? Number.parseInt(text, 10) / 1000 : Number(text)
}

function replicaSettings(): Record<string, string> {
  const lines = read('k8s/base/configmap.env').split('\n')
  return Object.fromEntries(lines.filter((line) => /^\w+=/.test(line)).map((line) => line.split(/=(.*)/s).slice(0, 2)))
}
