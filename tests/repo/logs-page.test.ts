/** Checks the Logs dashboard: it must follow the rules of dashboard-linter, use valid LogQL, and use only names that occur in the logs. */

import { parser } from '@grafana/lezer-logql'
import { grafana } from '@lab/contract/endpoints.ts'
import { metrics } from '@lab/contract/metrics.ts'
import { edgeConnectionId, fields, logsOfConnection } from '@lab/contract/telemetry.ts'
import { describe, expect, test } from 'vitest'
import { dashboardFiles, logDashboardFiles, readDashboard } from './lib/expressions.ts'
import { readYaml, repoFiles } from './lib/repo-files.ts'

interface Source {
  uid: string
  type: string
  url: string
  jsonData: {
    derivedFields?: { matcherType: string; matcherRegex: string; datasourceUid: string }[]
    tracesToLogsV2?: { datasourceUid: string; query: string }
    exemplarTraceIdDestinations?: { name: string; url?: string; urlDisplayLabel?: string }[]
  }
}

/** Returns the syntax errors in a LogQL query. */
function notLogql(expr: string): string[] {
  const text = expr.replaceAll('$__auto', '1m').replaceAll(/\$\w+/g, 'value')
  const found: string[] = []
  parser.parse(text).iterate({
    enter: (node) => {
      if (node.type.isError) found.push(text.slice(node.from, node.to + 20))
    },
  })
  return found
}

test('there is one dashboard for Loki', () => {
  expect(logDashboardFiles).toEqual(['grafana/provisioning/dashboards/logs/lab-logs.json'])
})

describe.each(logDashboardFiles.map(readDashboard))('the page $title', ({ panels, templating }) => {
  const shown = panels.filter(({ datasource }) => datasource?.type === 'loki')

  test('has variables for the data source, a connection and a text', () => {
    const variable = (name: string) => templating.list.find((entry) => entry.name === name)
    expect(variable('logs')).toMatchObject({ type: 'datasource', query: 'loki', current: { value: grafana.lokiUid } })
    expect(variable('connection')).toMatchObject({ type: 'textbox' })
    expect(variable('search')).toMatchObject({ type: 'textbox' })
  })

  test('has panels with a title, and a description with instructions for the case without data', () => {
    expect(shown.length).toBeGreaterThan(3)
    for (const { title, description, fieldConfig } of shown) {
      expect(title).toMatch(/\S/)
      expect(description).toMatch(/^[A-Z][^.?]+\? .*\.$/)
      expect(description).toContain('COMPOSE_PROFILES=logging')
      expect(fieldConfig?.defaults.noValue).toBeUndefined()
    }
  })

  test.each(shown.flatMap(({ title, datasource, targets = [] }) => targets.map((target) => ({ title, datasource, target }))))(
    'has valid LogQL: $title',
    ({ datasource, target: { expr = '', ...target } }) => {
      expect([datasource?.uid, target.datasource?.uid]).toEqual(['$logs', '$logs'])
      expect(notLogql(expr)).toEqual([])
      // The stream selector must use the indexed label `service_name`. The query's rate window must be the interval that Grafana computes
      // from the panel's width.
      expect(expr).toMatch(/\{service_name(=|=~)"/)
      expect([...expr.matchAll(/\[([^\]]*)\]/g)].map(([, window]) => window).filter((window) => window !== '$__auto')).toEqual([])
    },
  )

  test('uses the shared query to find a connection', () => {
    const expressions = shown.flatMap(({ targets = [] }) => targets.map(({ expr }) => expr))
    expect(expressions.filter((expr) => expr?.startsWith(logsOfConnection('$connection')))).toHaveLength(1)
  })

  test('shows readable lines, and the newest ones first', () => {
    const logs = shown.filter(({ type }) => type === 'logs')
    expect(logs.map(({ title }) => title)).toEqual(['All lines', 'One connection'])
    for (const { targets = [] } of logs) expect(targets[0]?.expr).toContain('| line_format `')
  })
})

describe('links between logs and traces', () => {
  const sources = repoFiles((path) => /^grafana\/provisioning\/datasources\/.*\.yaml$/.test(path)).flatMap(
    (path) => readYaml<{ datasources: Source[] }>(path).datasources,
  )
  const source = (uid: string) => sources.find((one) => one.uid === uid)

  test('a log line links to its trace', () => {
    const [field] = source(grafana.lokiUid)?.jsonData.derivedFields ?? []
    // Only the lines of sampled requests have this field. A link from another line would lead to no trace.
    expect(field).toMatchObject({ matcherType: 'label', matcherRegex: fields.sampledTraceId, datasourceUid: grafana.jaegerUid })
  })

  test('a span links to the log lines of its connection', () => {
    const toLogs = source(grafana.jaegerUid)?.jsonData.tracesToLogsV2
    expect(toLogs?.datasourceUid).toBe(grafana.lokiUid)
    // The query contains two dollar signs, because Grafana removes one of them when it expands environment variables.
    expect(toLogs?.query?.replaceAll('$$', '$')).toBe(logsOfConnection(`$\{__span.tags.${fields.connectionId}}`))
    expect(toLogs?.query).toContain(edgeConnectionId)
  })

  test('an exemplar links to its trace, and the latency panel queries exemplars', () => {
    const targets = dashboardFiles.map(readDashboard).flatMap(({ panels }) => panels.flatMap(({ targets = [] }) => targets))
    const asking = targets.filter((target) => 'exemplar' in target && target.exemplar === true)
    expect(asking.map(({ expr = '' }) => expr.includes(metrics.messageLatency.name))).toContain(true)
    const [destination, ...others] = source(grafana.datasourceUid)?.jsonData.exemplarTraceIdDestinations ?? []
    expect(others).toEqual([])
    // For a data source, Grafana's Prometheus plugin would write a query type that Jaeger's plugin does not answer.
    expect(destination).toMatchObject({ name: fields.traceId, urlDisplayLabel: 'Trace' })
    expect(destination).not.toHaveProperty('datasourceUid')
    const [path, parameters] = destination?.url?.replaceAll('$$', '$').replace(`$\{__value.raw}`, 'abc').split('?') ?? []
    expect(path).toBe('/explore')
    const panes = JSON.parse(new URLSearchParams(parameters).get('panes') ?? '') as { trace: { queries: Record<string, unknown>[] } }
    expect(panes.trace).toMatchObject({
      datasource: grafana.jaegerUid,
      queries: [{ query: 'abc', datasource: { uid: grafana.jaegerUid } }],
    })
    expect(panes.trace.queries[0]).not.toHaveProperty('queryType')
  })
})

test('the check itself finds invalid LogQL', () => {
  expect(notLogql('{a="b"} | x=')).not.toEqual([])
})
