/** docs/metrics.md, from the contract's lists of metrics. */
import { type MetricSpec, metrics, replicaLabel } from '@lab/contract/metrics.ts'
import { receiverMetrics } from '@lab/contract/receiver-metrics.ts'
import { scalerMetrics } from '@lab/contract/scaler-metrics.ts'
import { code, heading, table } from './markdown.ts'

const kinds: Record<MetricSpec['kind'], string> = {
  counter: 'Counters only grow; read them through `rate()` or `increase()`.',
  gauge: 'Gauges show the present.',
  histogram: 'Histograms count observations by upper bound: `_bucket` with the label `le`, `_sum` and `_count`.',
}

/** The page. */
export function metricsPage(): string {
  const sections = (Object.keys(kinds) as MetricSpec['kind'][]).map((kind) => section(kind))
  return `${heading('Metrics', 'contract/src/metrics.ts, scaler-metrics.ts and receiver-metrics.ts')}
What each replica exports on its internal port under \`/metrics\`, besides the \`process_\` and \`nodejs_\` metrics of the Node client.
Prometheus adds the labels \`job\`, \`instance\` and \`${replicaLabel}\`. Each replica counts only its own connections: for a total, sum over replicas.

\`\`\`promql
sum(${metrics.connectionsActive.name}{job="ws"})
\`\`\`

${sections.join('\n\n')}

## The scaler

What the scaler exports under \`/metrics\`. Those that begin with \`kube_\` have the names and labels of kube-state-metrics, and the values it would show.

${specTable(Object.values(scalerMetrics), true)}

## The alert receiver

What the alert receiver exports under \`/metrics\`, besides the metrics of the Node client.

${specTable(Object.values(receiverMetrics), false)}
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
