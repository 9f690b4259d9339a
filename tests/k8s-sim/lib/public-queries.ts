/**
 * Lists queries of the kind that public dashboards and rules for Kubernetes, k6 and Traefik send: the metrics, labels and joins are theirs,
 * and the text is ours. Grafana's variables are replaced by the values that their own queries return in the lab, so $cluster is empty.
 */
import { loadChecks } from '@lab/contract/load-metrics.ts'
import { type Matcher, parsePromql } from '../../repo/lib/promql.ts'

export interface PublicQuery {
  /** The public collection of dashboards or rules. */
  source: string
  /** The alert, the recording rule, or the dashboard and what its panel shows. */
  name: string
  promql: string
  /**
   * Set for an alert's condition, which has no result while nothing is wrong, so each of its selectors must have data. `rare` names the
   * metrics whose series exist only while something is wrong.
   */
  alert?: { rare: readonly string[] }
}

const fromState = 'job="kube-state-metrics"'
/** The selector of the autoscaling dashboard, with the values of its variables. */
const chosen = 'cluster="", job=~"kube-state-metrics", namespace=~"default"'
const hpa = `${chosen}, horizontalpodautoscaler=~"ws"`

const autoscalingMixin = 'kubernetes-autoscaling-mixin'
const autoscaling = (panel: string, promql: string): PublicQuery => ({
  source: autoscalingMixin,
  name: `Kubernetes / Autoscaling / Horizontal Pod Autoscaler: ${panel}`,
  promql,
})

const mixin = 'kubernetes-mixin'
const alert = (name: string, promql: string, rare: readonly string[] = []): PublicQuery => ({
  source: mixin,
  name,
  promql,
  alert: { rare },
})
const record = (name: string, promql: string): PublicQuery => ({ source: mixin, name, promql })
const computeResources = (panel: string, promql: string): PublicQuery => ({
  source: mixin,
  name: `Kubernetes / Compute Resources / Namespace (Pods): ${panel}`,
  promql,
})

const stateDashboard = (panel: string, promql: string): PublicQuery => ({
  source: 'kube-state-metrics-v2 (grafana.com 13332)',
  name: panel,
  promql,
})
const everyCluster = 'cluster=~".*", namespace=~"default"'

/** The sum of requests or limits of all pods that run or are about to, per namespace. */
const sumOfActive = (metric: string, resource: string) => `
  sum by (cluster, namespace) (
    max by (cluster, namespace, pod, container) (${metric}{resource="${resource}", ${fromState}})
    * on (cluster, namespace, pod) group_left ()
    max by (cluster, namespace, pod) (kube_pod_status_phase{phase=~"Pending|Running"} == 1)
  )`

export const publicQueries: readonly PublicQuery[] = [
  autoscaling('variable cluster', 'group by (cluster) (kube_pod_info{job=~"kube-state-metrics"})'),
  autoscaling('variable job', 'group by (job) (kube_horizontalpodautoscaler_spec_target_metric{cluster="", job="kube-state-metrics"})'),
  autoscaling('Desired Replicas', `round(sum(kube_horizontalpodautoscaler_status_desired_replicas{${hpa}}))`),
  autoscaling('Current Replicas', `round(sum(kube_horizontalpodautoscaler_status_current_replicas{${hpa}}))`),
  autoscaling('Min Replicas', `round(sum(kube_horizontalpodautoscaler_spec_min_replicas{${hpa}}))`),
  autoscaling('Max Replicas', `round(sum(kube_horizontalpodautoscaler_spec_max_replicas{${hpa}}))`),
  ...['websocket_connections_active', 'cpu'].flatMap((metric) => {
    const by = 'by (job, namespace, horizontalpodautoscaler, metric_name, metric_target_type)'
    const of = `metric_name=~"${metric}", metric_target_type=~"average|utilization"`
    return [
      autoscaling(`Metric Targets, ${metric}`, `sum ${by} (kube_horizontalpodautoscaler_spec_target_metric{${hpa}, ${of}})`),
      autoscaling(`Usage & Threshold, ${metric}`, `sum ${by} (kube_horizontalpodautoscaler_status_target_metric{${chosen}, ${of}})`),
    ]
  }),

  alert(
    'KubeHpaReplicasMismatch',
    `kube_horizontalpodautoscaler_status_desired_replicas{${fromState}} != kube_horizontalpodautoscaler_status_current_replicas{${fromState}}
     and kube_horizontalpodautoscaler_status_current_replicas{${fromState}} > kube_horizontalpodautoscaler_spec_min_replicas{${fromState}}
     and kube_horizontalpodautoscaler_status_current_replicas{${fromState}} < kube_horizontalpodautoscaler_spec_max_replicas{${fromState}}
     and changes(kube_horizontalpodautoscaler_status_current_replicas{${fromState}}[15m]) == 0`,
  ),
  alert(
    'KubeHpaMaxedOut',
    `kube_horizontalpodautoscaler_status_current_replicas{${fromState}} == kube_horizontalpodautoscaler_spec_max_replicas{${fromState}}`,
  ),
  alert(
    'KubeDeploymentReplicasMismatch',
    `kube_deployment_spec_replicas{${fromState}} > kube_deployment_status_replicas_available{${fromState}}
     and changes(kube_deployment_status_replicas_updated{${fromState}}[10m]) == 0`,
  ),
  alert(
    'KubePodNotReady',
    `sum by (cluster, namespace, pod) (
       max by (cluster, namespace, pod) (kube_pod_status_phase{${fromState}, phase=~"Pending|Unknown|Failed"})
       * on (cluster, namespace, pod) group_left (owner_kind)
       max by (cluster, namespace, pod, owner_kind) (kube_pod_owner{owner_kind!="Job"})
     ) > 0`,
  ),
  alert(
    'KubePodCrashLooping',
    `max_over_time(kube_pod_container_status_waiting_reason{reason="CrashLoopBackOff", ${fromState}}[5m]) >= 1`,
    ['kube_pod_container_status_waiting_reason'],
  ),
  alert(
    'KubePodCrashLooping, in older versions',
    `increase(kube_pod_container_status_restarts_total{${fromState}}[10m]) > 0
     and kube_pod_container_status_waiting{${fromState}} == 1`,
  ),
  alert('KubeContainerWaiting', `kube_pod_container_status_waiting_reason{${fromState}} > 0`, ['kube_pod_container_status_waiting_reason']),

  ...['requests', 'limits'].flatMap((kind) =>
    ['cpu', 'memory'].map((resource) => {
      const metric = `kube_pod_container_resource_${kind}`
      return record(`namespace_${resource}:${metric}:sum`, sumOfActive(metric, resource))
    }),
  ),
  record(
    'namespace_workload_pod:kube_pod_owner:relabel, workloads other than the built-in ones',
    `label_join(
       group by (cluster, namespace, pod, owner_name) (kube_pod_owner{owner_kind!~"ReplicaSet|DaemonSet|StatefulSet|Job|Node", owner_kind!=""}),
       "workload", "", "owner_name"
     )`,
  ),
  ...['requests', 'limits'].flatMap((kind) =>
    ['cpu', 'memory'].map((resource) => {
      const select = `${fromState}, cluster="", namespace="default", resource="${resource}", unit=~"core|byte"`
      return computeResources(`quota, ${resource} ${kind}`, `sum by (pod) (kube_pod_container_resource_${kind}{${select}})`)
    }),
  ),

  stateDashboard('Deployment Replicas', `sum(kube_deployment_status_replicas{${everyCluster}})`),
  stateDashboard('Deployment Replicas - Updated', `sum(kube_deployment_status_replicas_updated{${everyCluster}})`),
  stateDashboard('Deployment Replicas - Unavailable', `sum(kube_deployment_status_replicas_unavailable{${everyCluster}})`),
  stateDashboard(
    'Deployment Replicas, ready',
    `100 * kube_deployment_status_replicas_ready{${everyCluster}} / kube_deployment_status_replicas{${everyCluster}}`,
  ),
  stateDashboard('Pods Running', `sum(kube_pod_status_phase{${everyCluster}, phase="Running"})`),
  stateDashboard('Pods Pending', `sum(kube_pod_status_phase{${everyCluster}, phase="Pending"})`),
  stateDashboard('Pods ready', `sum(kube_pod_status_ready{${everyCluster}, condition="true"})`),
  stateDashboard('Pod age', `time() - max by (pod) (kube_pod_start_time{${everyCluster}})`),
  stateDashboard('Containers Running', `sum(kube_pod_container_status_running{${everyCluster}})`),
  stateDashboard('Containers Waiting', `sum(kube_pod_container_status_waiting{${everyCluster}})`),
  stateDashboard('Containers ready', `sum(kube_pod_container_status_ready{${everyCluster}})`),
  stateDashboard('Containers Restarts', `sum(delta(kube_pod_container_status_restarts_total{${everyCluster}}[30s]))`),
]

const matcherText = ({ label, operator, value }: Matcher) => `${label}${operator}"${value}"`

const k6Dashboard = (panel: string, promql: string): PublicQuery => ({ source: 'k6 Prometheus (grafana.com 19665)', name: panel, promql })
const everyTest = 'testid=~".+"'
/** The values of the dashboard's variable for the statistic of a trend. */
const k6Statistics = ['avg', 'min', 'max', 'p90', 'p95', 'p99']

const traefikDashboard = (panel: string, promql: string): PublicQuery => ({ source: 'Traefik (grafana.com 17346)', name: panel, promql })
const everyEntry = 'entrypoint=~".+", job="traefik"'

/**
 * Queries that have data only while k6 runs. k6 sends the duration of an iteration, and the bytes that it has transferred, at the end of an
 * iteration, which is the end of a run here; so the panels about iterations and about the transfer rate are not in this list.
 */
export const publicLoadQueries: readonly PublicQuery[] = [
  k6Dashboard('variable testid', `group by (testid) ({__name__=~"k6_.+", ${everyTest}})`),
  ...k6Statistics.map((statistic) =>
    k6Dashboard(`variable quantile_stat, ${statistic}`, `k6_http_req_duration_${statistic}{${everyTest}}`),
  ),
  k6Dashboard('Performance Overview, virtual users', `avg(k6_vus{${everyTest}})`),
  k6Dashboard('HTTP requests', `sum(k6_http_reqs_total{${everyTest}, expected_response="true"})`),
  k6Dashboard('HTTP Latency Timings, waiting', `avg(k6_http_req_waiting_p95{${everyTest}})`),
  k6Dashboard('Requests by URL', `avg by (name, method, status) (k6_http_req_duration_min{${everyTest}, method="GET"})`),
  k6Dashboard('Checks Success Rate', `avg(round(k6_checks_rate{${everyTest}}, 0.1) * 100)`),
  ...Object.values(loadChecks).map((check) =>
    k6Dashboard(`Checks list, ${check}`, `round(k6_checks_rate{${everyTest}, check="${check}"}, 0.1)`),
  ),
  k6Dashboard('Analyze Metric', `k6_lab_connect_time_p90{${everyTest}}`),

  traefikDashboard('Traefik Instances', 'count(traefik_config_reloads_total{job="traefik"})'),
  traefikDashboard('Requests per Entrypoint', `sum by (entrypoint) (rate(traefik_entrypoint_requests_total{${everyEntry}}[1m]))`),
  traefikDashboard('Connections per Entrypoint', `sum by (entrypoint) (traefik_open_connections{${everyEntry}})`),
]

/** Returns the queries that must have data: the query itself, or each selector of an alert's condition. */
export function mustHaveData({ promql, alert }: PublicQuery): string[] {
  if (alert === undefined) return [promql]
  return parsePromql(promql)
    .selectors.filter(({ metric }) => !alert.rare.includes(metric))
    .map(({ metric, matchers }) => `${metric}{${matchers.map(matcherText).join(', ')}}`)
}
