/** Generates docs/metrics.md from the metric lists in the shared contract/ folder. */
import { containerMetrics } from '@lab/contract/container-metrics.ts'
import { jobs, livePaths, scalerPaths } from '@lab/contract/endpoints.ts'
import { kubeStateMetrics } from '@lab/contract/kube-state-metrics.ts'
import { type MetricSpec, metrics, replicaLabel } from '@lab/contract/metrics.ts'
import { receiverMetrics } from '@lab/contract/receiver-metrics.ts'
import { liveMetrics } from '@lab/contract/rollouts.ts'
import { scalerMetrics } from '@lab/contract/scaler-metrics.ts'
import { code, heading, table } from '@lab/host/markdown.ts'

const kinds: Record<MetricSpec['kind'], string> = {
  counter: 'A counter only increases. Query a counter with `rate()` or `increase()`.',
  gauge: 'A gauge is a current value, which can rise and fall.',
  histogram:
    'A histogram counts observations in buckets with upper bounds. Each histogram has the series `_bucket` (with the label `le`), `_sum` and `_count`.',
}

/** Renders the metrics page as Markdown. */
export function metricsPage(): string {
  const sections = (Object.keys(kinds) as MetricSpec['kind'][]).map((kind) => section(kind))
  return `${heading('Metrics', 'contract/src/metrics.ts, scaler-metrics.ts, kube-state-metrics.ts, receiver-metrics.ts, rollouts.ts and container-metrics.ts')}
Each replica exports these metrics on its internal port under \`/metrics\`, in addition to the \`process_\` and \`nodejs_\` metrics of the
Prometheus client for Node. Prometheus adds the labels \`job\`, \`instance\` and \`${replicaLabel}\`. Each replica counts only its own
connections, so the total is the sum over all replicas:

\`\`\`promql
sum(${metrics.connectionsActive.name}{job="ws"})
\`\`\`

${sections.join('\n\n')}

## The scaler

The scaler exports these metrics under \`/metrics\`. Metrics whose names begin with \`kube_\` have the names, labels and values of
kube-state-metrics.

${specTable(Object.values(scalerMetrics), true)}

## Metrics that kube-state-metrics exports in a cluster

The scaler exports these metrics and its own metrics whose names begin with \`kube_\` under \`${scalerPaths.kubeState}\`, which
Prometheus scrapes as the job \`${jobs.kubeStateMetrics}\`. [Public dashboards](kubernetes-mapping.md#public-dashboards-and-rules) select
this job. All values are those of the last sync.

${specTable(Object.values(kubeStateMetrics), false)}

## The alert receiver

The alert receiver exports these metrics under \`/metrics\`, in addition to the metrics of the Prometheus client for Node.

${specTable(Object.values(receiverMetrics), false)}

## The live page

With Compose, the live page's server exports this metric under \`/metrics\`.

${specTable(Object.values(liveMetrics), false)}

## All containers

With Compose, the live page's server also exports the resource usage of every container of the lab, under \`${livePaths.containers}\`.
Names, labels and values are those of cAdvisor, and Prometheus scrapes them as the job \`${jobs.cadvisor}\`, so public dashboards for cAdvisor
that select containers by \`name\` work. The values come from Docker's statistics, which the server reads through the socket proxy once per
scrape, every 15 seconds. The label \`replica\` is the service and the number of the container (\`ws-3\`, \`valkey-1\`); a container of
\`docker compose run\` keeps its own name. Docker's statistics do not contain the size of file systems or the number of processes by state, so
cAdvisor's other metrics are absent.

\`\`\`promql
sum by (replica) (rate(${containerMetrics.cpuUsage.name}{job="${jobs.cadvisor}"}[1m]))
\`\`\`

${specTable(Object.values(containerMetrics), false)}
`
}

function section(kind: MetricSpec['kind']): string {
  const specs: MetricSpec[] = Object.values(metrics).filter((metric) => metric.kind === kind)
  return `## ${kind[0]?.toUpperCase()}${kind.slice(1)}s\n\n${kinds[kind]}\n\n${specTable(specs, kind === 'histogram')}`
}

function specTable(specs: readonly MetricSpec[], withBuckets: boolean): string {
  const columns = ['Name', 'Labels', 'Meaning', ...(withBuckets ? ['Upper bounds'] : [])]
  const rows = specs.map(({ name, labels, help, buckets }) => [
    code(name),
    labels.map(code).join(', '),
    help,
    ...(withBuckets ? [(buckets ?? []).join(', ')] : []),
  ])
  return table(columns, rows)
}
