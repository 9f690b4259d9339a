/** Derives the configuration of Prometheus and the metrics adapter in a cluster from the Compose lab's configuration. Pure. */

import { jobs, paths, ports, services } from '@lab/contract/endpoints.ts'
import { namespace } from '@lab/contract/kubernetes.ts'
import { type ComposeService, interpolated } from '@lab/host/compose-service.ts'
import { discoveredName, metadata, type Tree } from './objects.ts'

/** Scrape jobs in prometheus.yml whose targets exist only in the Compose lab. */
const onlyOnCompose: readonly string[] = [jobs.traefik, jobs.live, jobs.scaler, jobs.cadvisor]

/** Parsed content of prometheus.yml. */
export type PrometheusConfig = Tree & { scrape_configs: Tree[] }

/** Returns the configuration with which Prometheus discovers the replicas through the Kubernetes API server instead of Docker. */
export function prometheusConfig(config: PrometheusConfig, variables: Readonly<Record<string, string>>): Tree {
  const scrape_configs = config.scrape_configs
    .filter(({ job_name }) => !onlyOnCompose.includes(String(job_name)))
    .map((job) => inCluster[String(job.job_name)] ?? job)
  return interpolated({ ...config, scrape_configs }, variables)
}

const ownPods = [{ role: 'pod', namespaces: { own_namespace: true } }]

/** Returns the relabelling rules that keep one target for each running pod of a part, at the given port. */
function targetsOf(part: string, port: number): Tree[] {
  return [
    { source_labels: [discoveredName], regex: part, action: 'keep' },
    { source_labels: ['__meta_kubernetes_pod_phase'], regex: 'Running', action: 'keep' },
    // Prometheus discovers one target for each of a pod's ports. All of these targets are given the same port, so that Prometheus merges
    // them.
    { source_labels: ['__meta_kubernetes_pod_ip'], replacement: `$1:${port}`, target_label: '__address__' },
  ]
}

/** The metrics adapter expects the labels `namespace` and `pod`; dashboards and rules expect `replica` and `instance`. */
const replicasJob: Tree = {
  job_name: jobs.ws,
  kubernetes_sd_configs: ownPods,
  relabel_configs: [
    ...targetsOf(services.ws, ports.internal),
    { source_labels: ['__meta_kubernetes_namespace'], target_label: 'namespace' },
    { source_labels: ['__meta_kubernetes_pod_name'], target_label: 'pod' },
    { source_labels: ['pod'], target_label: 'replica' },
    { source_labels: ['replica'], target_label: 'instance' },
  ],
}

/** Ports of kube-state-metrics: the first one has the metrics of the cluster's objects, the second one its own metrics and its readiness. */
export const stateMetricsPorts = { 'http-metrics': 8080, telemetry: 8081 } as const

/** Without a pod, there is no target, so a lab without kube-state-metrics causes no alert. */
const stateMetricsJob: Tree = {
  job_name: jobs.kubeStateMetrics,
  kubernetes_sd_configs: ownPods,
  relabel_configs: [
    ...targetsOf(jobs.kubeStateMetrics, stateMetricsPorts['http-metrics']),
    { target_label: 'instance', replacement: jobs.kubeStateMetrics },
  ],
}

/** The jobs whose targets Prometheus discovers in another way than on Compose. */
const inCluster: Readonly<Record<string, Tree>> = { [jobs.ws]: replicasJob, [jobs.kubeStateMetrics]: stateMetricsJob }

interface Rights {
  apiGroups: string[]
  resources: string[]
}

/** Returns a service account that may read some kinds of objects in the lab's namespace. */
export function account(name: string, rights: readonly Rights[]): Tree[] {
  const api = 'rbac.authorization.k8s.io'
  return [
    { apiVersion: 'v1', kind: 'ServiceAccount', metadata: metadata(name) },
    {
      apiVersion: `${api}/v1`,
      kind: 'Role',
      metadata: metadata(name),
      rules: rights.map((objects) => ({ ...objects, verbs: ['get', 'list', 'watch'] })),
    },
    {
      apiVersion: `${api}/v1`,
      kind: 'RoleBinding',
      metadata: metadata(name),
      roleRef: { apiGroup: api, kind: 'Role', name },
      subjects: [{ kind: 'ServiceAccount', name, namespace }],
    },
  ]
}

/** The objects that Prometheus discovers. */
export const prometheusRights: readonly Rights[] = [{ apiGroups: [''], resources: ['pods'] }]

/** The objects whose metrics the lab's scaler exports on Compose, and kube-state-metrics in a cluster. */
export const stateMetricsRights: readonly Rights[] = [
  { apiGroups: [''], resources: ['pods'] },
  { apiGroups: ['apps'], resources: ['deployments'] },
  { apiGroups: ['autoscaling'], resources: ['horizontalpodautoscalers'] },
]

/** kube-state-metrics, which Compose does not have: on Compose, the scaler exports its metrics. The resources are those of its README. */
export const stateMetricsService: ComposeService = {
  image: 'registry.k8s.io/kube-state-metrics/kube-state-metrics:v2.18.0',
  command: [`--resources=${stateMetricsRights.flatMap(({ resources }) => resources).join(',')}`, `--namespaces=${namespace}`],
  cpus: 0.2,
  mem_limit: '250m',
}

/** The probes of kube-state-metrics' own example; their paths are Kubernetes' usual ones, which replicas have, too. */
export const stateMetricsProbes: Tree = {
  livenessProbe: { httpGet: { path: paths.livez, port: 'http-metrics' }, initialDelaySeconds: 5, timeoutSeconds: 5 },
  readinessProbe: { httpGet: { path: paths.readyz, port: 'telemetry' }, initialDelaySeconds: 5, timeoutSeconds: 5 },
}

interface MappedMetric {
  name: string
  query: string
}

/** The sections of scaler/metrics.yaml that are converted into rules for the metrics adapter. */
export interface MetricMap {
  pods: MappedMetric[]
  external: MappedMetric[]
}

/**
 * Returns the metrics adapter's rules, in the format of prometheus-adapter. The `resource` section of scaler/metrics.yaml is omitted,
 * because metrics-server provides these metrics in a cluster. Metrics of the Object type are omitted, because no object in the cluster
 * corresponds to the labels of Traefik's metrics.
 */
export function adapterRules({ pods, external }: MetricMap): Tree {
  return {
    rules: pods.map((metric) => ({
      ...rule(metric, ['namespace', 'pod']),
      metricsQuery: templateOf(metric).replace('by (replica)', 'by (<<.GroupBy>>)'),
    })),
    externalRules: external.map((metric) => ({ ...rule(metric, ['namespace']), metricsQuery: templateOf(metric) })),
  }
}

const ownSeries = '<<.Series>>'

/** Returns the name of the series that a query reads. @throws Error if the query does not contain the name of a series */
function seriesOf({ name, query }: MappedMetric): string {
  if (query.includes(ownSeries)) return name
  const [, series] = /(\w+)\{/.exec(query) ?? []
  if (series === undefined) throw new Error(`scaler/metrics.yaml: the query of ${name} names no series`)
  return series
}

function templateOf(metric: MappedMetric): string {
  return metric.query.replace(`${seriesOf(metric)}{`, `${ownSeries}{`)
}

function rule(metric: MappedMetric, labels: readonly string[]): Tree {
  const series = seriesOf(metric)
  return {
    seriesQuery: `${series}{${labels.map((label) => `${label}!=""`).join(',')}}`,
    resources: { overrides: Object.fromEntries(labels.map((label) => [label, { resource: label }])) },
    ...(series !== metric.name && { name: { as: metric.name } }),
  }
}
