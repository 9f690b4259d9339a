/** Checks that every PromQL query uses existing metrics and labels, so that renaming a metric makes a test fail. */
import { containerMetrics } from '@lab/contract/container-metrics.ts'
import { kubeStateMetrics } from '@lab/contract/kube-state-metrics.ts'
import { type MetricSpec, metrics } from '@lab/contract/metrics.ts'
import { liveMetrics } from '@lab/contract/rollouts.ts'
import { scalerMetrics } from '@lab/contract/scaler-metrics.ts'
import { describe, expect, test } from 'vitest'
import { allExpressions, type Expression, metricMapExpressions, metricMapFile, readRules, ruleFiles } from './lib/expressions.ts'
import { type KnownMetrics, knownMetrics, knownValues } from './lib/known-metrics.ts'
import { type Matcher, parsePromql, variableValue } from './lib/promql.ts'
import { read } from './lib/repo-files.ts'

const recorded = ruleFiles.flatMap(readRules).flatMap(({ record }) => (record === undefined ? [] : [record]))
const specs: readonly MetricSpec[] = [metrics, scalerMetrics, kubeStateMetrics, liveMetrics, containerMetrics].flatMap((all) =>
  Object.values<MetricSpec>(all),
)
const known = knownMetrics(specs, recorded)
const expressions = allExpressions()
/** File name patterns for rules, dashboards and shared queries, which query many metrics. */
const readers = [/\.rules\.yaml$/, /dashboards\/.*\.json$/, /queries\.ts$/]
/** File name patterns for all files that query metrics, including Markdown pages and scaler/metrics.yaml, which query only a few. */
const allReaders = [...readers, /\.md$/, /scaler\/metrics\.yaml$/]

describe('PromQL in rules, dashboards, shared queries, documents and the queries of the scaler', () => {
  test('is found in every kind of file', () => {
    for (const kind of allReaders) {
      expect(expressions.filter(({ file }) => kind.test(file)).length, String(kind)).toBeGreaterThan(0)
    }
  })

  test.each(expressions)('$file: $what is valid PromQL with existing metrics and labels', ({ expr }) => {
    expect(problems(expr, known)).toEqual([])
  })
})

describe('the check itself', () => {
  const check = (expr: string) => problems(expr, known)

  test('lists every file that queries a renamed metric', () => {
    const renamed = specs.map((metric) =>
      metric.name === metrics.connectionsActive.name ? { ...metric, name: 'websocket_connections_open' } : metric,
    )
    const files = filesWithProblems(expressions, knownMetrics(renamed, recorded))
    expect(files).toEqual(filesThatSay(metrics.connectionsActive.name))
    for (const kind of allReaders) expect(files.filter((file) => kind.test(file)).length, String(kind)).toBeGreaterThan(0)
  })

  test('lists every file that uses a removed label', () => {
    const changed = specs.map((metric) => (metric.name === metrics.connectionsClosed.name ? { ...metric, labels: ['code'] } : metric))
    const files = filesWithProblems(expressions, knownMetrics(changed, recorded))
    expect(files).toEqual(filesThatSay(metrics.connectionsClosed.name, 'cause'))
    for (const kind of readers) expect(files.filter((file) => kind.test(file)).length, String(kind)).toBeGreaterThan(0)
  })

  test.each([
    ['sum by (replica) (rate(process_cpu', 'sum by (replica) (rate(process_cpus', 'no metric process_cpus_seconds_total'],
    ['traefik_service_requests_total', 'traefik_service_request_total', 'no metric traefik_service_request_total'],
    ['(timestamp(process_cpu', '(timestamp(process_cpus', 'no metric process_cpus_seconds_total'],
    ['state="ready"', 'state="redy"', 'websocket_replica_state: state is never redy'],
    ['service=~', 'servce=~', 'traefik_service_requests_total has no label servce'],
    ['max by (replica) (max_over_time(up', 'max by (repplica) (max_over_time(up', 'no label repplica in up'],
    ['sum by (replica) (<<.Series>>', 'sum by (replica) <<.Series>>', /^not PromQL near: /],
  ])("finds that %j was replaced by %j in the scaler's file", (right, wrong, problem) => {
    const text = read(metricMapFile)
    expect(text).toContain(right)
    const found = metricMapExpressions(metricMapFile, text.replace(right, wrong)).flatMap(({ expr }) => check(expr))
    expect(found[0]).toMatch(problem)
  })

  test('rejects invalid PromQL', () => {
    expect(check('sum(up')).not.toEqual([])
    expect(check('rate(websocket_errors_total[5 minutes])')).not.toEqual([])
  })

  test('parses queries with variables of Grafana', () => {
    expect(check('rate(websocket_errors_total{job=~"$job"}[$__rate_interval])')).toEqual([])
    expect(check('rate(websocket_oops_total{job=~"$job"}[$__rate_interval])')).toEqual(['no metric websocket_oops_total'])
  })

  test('accepts the series of a histogram, but not its base name', () => {
    expect(check('websocket_message_latency_seconds_count')).toEqual([])
    expect(check('websocket_message_latency_seconds')).toEqual(['no metric websocket_message_latency_seconds'])
  })

  test('finds labels in matchers, aggregations and vector matching', () => {
    expect(check('up{colour="red"}')).toEqual(['up has no label colour'])
    expect(check('sum by (colour) (up)')).toEqual(['no label colour in up'])
    expect(check('up / on (colour) up')).toEqual(['no label colour in up'])
    expect(check('sum by (le) (rate(websocket_message_latency_seconds_bucket[1m]))')).toEqual([])
  })

  test('checks the values of labels with a fixed set of values', () => {
    expect(check('websocket_replica_state{state="sleeping"}')).toEqual(['websocket_replica_state: state is never sleeping'])
    expect(check('websocket_connections_closed_total{cause=~"abnormal|bored"}')).toEqual([
      'websocket_connections_closed_total: cause is never bored',
    ])
    expect(check('websocket_connections_closed_total{cause=~"$cause"}')).toEqual([])
  })
})

/** Returns error messages about a PromQL expression; the array is empty if the expression is valid. */
function problems(expr: string, metricsKnown: KnownMetrics): string[] {
  const { errors, selectors, groupings } = parsePromql(expr)
  if (errors.length > 0) return errors.map((part) => `not PromQL near: ${part}`)
  const found = selectors.flatMap(({ metric, matchers }) => {
    const labels = metricsKnown.get(metric)
    if (!labels) return [`no metric ${metric}`]
    return matchers.flatMap((matcher) =>
      labels.has(matcher.label) ? valueProblems(metric, matcher) : [`${metric} has no label ${matcher.label}`],
    )
  })
  const unknownLabels = groupings.flatMap(({ labels, metrics: from }) =>
    labels
      .filter((label) => from.every((metric) => metricsKnown.get(metric)?.has(label) === false))
      .map((label) => `no label ${label} in ${[...new Set(from)].join(', ')}`),
  )
  return [...found, ...unknownLabels]
}

function valueProblems(metric: string, { label, operator, value }: Matcher): string[] {
  const values = knownValues(metric, label)
  if (values === undefined || value === '' || value.includes(variableValue)) return []
  const asked = operator.includes('~') ? value.split('|') : [value]
  return asked.filter((one) => !values.includes(one)).map((one) => `${metric}: ${label} is never ${one}`)
}

/** Returns the files that contain an expression in which all given words occur. */
function filesThatSay(...words: string[]): string[] {
  const said = expressions.filter(({ expr }) => words.every((word) => new RegExp(`\\b${word}\\b`).test(expr)))
  return [...new Set(said.map(({ file }) => file))].sort()
}

function filesWithProblems(all: Expression[], metricsKnown: KnownMetrics): string[] {
  return [...new Set(all.filter(({ expr }) => problems(expr, metricsKnown).length > 0).map(({ file }) => file))].sort()
}
