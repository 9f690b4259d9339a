/** Derives the configuration of Prometheus and the metrics adapter in a cluster from the Compose lab's configuration. Pure. */

import { jobs, ports, services } from '@lab/contract/endpoints.ts'
import { namespace } from '@lab/contract/kubernetes.ts'
import { interpolated } from './compose-service.ts'
import { discoveredName, metadata, type Tree } from './objects.ts'

/** Scrape jobs in prometheus.yml whose targets exist only in the Compose lab. */
const onlyOnCompose: readonly string[] = [jobs.traefik, jobs.live, jobs.scaler, jobs.kubeStateMetrics]

/** Parsed content of prometheus.yml. */
export type PrometheusConfig = Tree & { scrape_configs: Tree[] }

/** Returns the configuration with which Prometheus discovers the replicas through the Kubernetes API server instead of Docker. */
export function prometheusConfig(config: PrometheusConfig, variables: Readonly<Record<string, string>>): Tree {
  const scrape_configs = config.scrape_configs
    .filter(({ job_name }) => !onlyOnCompose.includes(String(job_name)))
    .map((job) => (job.job_name === jobs.ws ? replicasJob : job))
  return interpolated({ ...config, scrape_configs }, variables)
}

/** The metrics adapter expects the labels `namespace` and `pod`; dashboards and rules expect `replica` and `instance`. */
const replicasJob = {
  job_name: jobs.ws,
  kubernetes_sd_configs: [{ role: 'pod', namespaces: { own_namespace: true } }],
  relabel_configs: [
    { source_labels: [discoveredName], regex: services.ws, action: 'keep' },
    { source_labels: ['__meta_kubernetes_pod_phase'], regex: 'Running', action: 'keep' },
    // Prometheus discovers one target for each of a replica's two ports. Both targets are given the internal port, so that Prometheus
    // merges them.
    { source_labels: ['__meta_kubernetes_pod_ip'], replacement: `$1:${ports.internal}`, target_label: '__address__' },
    { source_labels: ['__meta_kubernetes_namespace'], target_label: 'namespace' },
    { source_labels: ['__meta_kubernetes_pod_name'], target_label: 'pod' },
    { source_labels: ['pod'], target_label: 'replica' },
    { source_labels: ['replica'], target_label: 'instance' },
  ],
}

/** Returns a service account that allows Prometheus to list the pods in its namespace. */
export function prometheusAccount(): Tree[] {
  const name = services.prometheus
  const api = 'rbac.authorization.k8s.io'
  return [
    { apiVersion: 'v1', kind: 'ServiceAccount', metadata: metadata(name) },
    {
      apiVersion: `${api}/v1`,
      kind: 'Role',
      metadata: metadata(name),
      rules: [{ apiGroups: [''], resources: ['pods'], verbs: ['get', 'list', 'watch'] }],
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
