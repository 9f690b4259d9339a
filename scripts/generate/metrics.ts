/** docs/metrics.md, from contract/src/metrics.ts. */
import { type MetricSpec, metrics, replicaLabel } from '@lab/contract/metrics.ts'
import { code, heading, table } from './markdown.ts'

const kinds: Record<MetricSpec['kind'], string> = {
  counter: 'Counters only grow; read them through `rate()` or `increase()`.',
  gauge: 'Gauges show the present.',
  histogram: 'Histograms count observations by upper bound: `_bucket` with the label `le`, `_sum` and `_count`.',
}

/** The page. */
export function metricsPage(): string {
  const sections = (Object.keys(kinds) as MetricSpec['kind'][]).map(section)
  return `${heading('Metrics', 'contract/src/metrics.ts')}
What each replica exports on its internal port under \`/metrics\`, besides the \`process_\` and \`nodejs_\` metrics of the Node client.
Prometheus adds the labels \`job\`, \`instance\` and \`${replicaLabel}\`. Each replica counts only its own connections: for a total, sum over replicas.

\`\`\`promql
sum(${metrics.connectionsActive.name}{job="ws"})
\`\`\`

${sections.join('\n\n')}
`
}

function section(kind: MetricSpec['kind']): string {
  const specs: MetricSpec[] = Object.values(metrics).filter((metric) => metric.kind === kind)
  const withBuckets = kind === 'histogram'
  const columns = ['Name', 'Labels', 'Meaning', ...(withBuckets ? ['Upper bounds'] : [])]
  const rows = specs.map(({ name, labels, help, buckets }) => [
    code(name),
    labels.map(code).join(', '),
    help,
    ...(withBuckets ? [(buckets ?? []).join(', ')] : []),
  ])
  return `## ${kind[0]?.toUpperCase()}${kind.slice(1)}s\n\n${kinds[kind]}\n\n${table(columns, rows)}`
}
