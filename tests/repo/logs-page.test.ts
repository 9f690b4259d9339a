/** The page that asks Loki: as Grafana's dashboard-linter wants it, in LogQL that parses, with names that logs really have. */

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
    exemplarTraceIdDestinations?: { name: string; datasourceUid: string }[]
  }
}

/** Parts of the text that are not LogQL. */
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

test('there is one', () => {
  expect(logDashboardFiles).toEqual(['grafana/provisioning/dashboards/logs/lab-logs.json'])
})

describe.each(logDashboardFiles.map(readDashboard))('the page $title', ({ panels, templating }) => {
  const shown = panels.filter(({ type }) => type !== 'row')

  test('lets the data source, a connection and a text be chosen', () => {
    const variable = (name: string) => templating.list.find((entry) => entry.name === name)
    expect(variable('logs')).toMatchObject({ type: 'datasource', query: 'loki', current: { value: grafana.lokiUid } })
    expect(variable('connection')).toMatchObject({ type: 'textbox' })
    expect(variable('search')).toMatchObject({ type: 'textbox' })
  })

  test('has panels with a title, a question with its answer, and a text for no data that says what to do', () => {
    expect(shown.length).toBeGreaterThan(3)
    for (const { title, description, fieldConfig } of shown) {
      expect(title).toMatch(/\S/)
      expect(description).toMatch(/^[A-Z][^.?]+\? .*\.$/)
      expect(fieldConfig?.defaults.noValue).toContain('COMPOSE_PROFILES=logging')
    }
  })

  test.each(shown.flatMap(({ title, datasource, targets = [] }) => targets.map((target) => ({ title, datasource, target }))))(
    'asks Loki in LogQL: $title',
    ({ datasource, target: { expr = '', ...target } }) => {
      expect([datasource?.uid, target.datasource?.uid]).toEqual(['$logs', '$logs'])
      expect(notLogql(expr)).toEqual([])
      // A stream is chosen by what is indexed; a rate takes the window that Grafana finds for the width of the panel.
      expect(expr).toMatch(/\{service_name(=|=~)"/)
      expect([...expr.matchAll(/\[([^\]]*)\]/g)].map(([, window]) => window).filter((window) => window !== '$__auto')).toEqual([])
    },
  )

  test('looks for a connection by the same query as everybody', () => {
    const expressions = shown.flatMap(({ targets = [] }) => targets.map(({ expr }) => expr))
    expect(expressions).toContain(logsOfConnection('$connection'))
  })
})

describe('from one to the other', () => {
  const sources = repoFiles((path) => /^grafana\/provisioning\/datasources\/.*\.yaml$/.test(path)).flatMap(
    (path) => readYaml<{ datasources: Source[] }>(path).datasources,
  )
  const source = (uid: string) => sources.find((one) => one.uid === uid)

  test('a line leads to its trace', () => {
    const [field] = source(grafana.lokiUid)?.jsonData.derivedFields ?? []
    expect(field).toMatchObject({ matcherType: 'label', matcherRegex: fields.traceId, datasourceUid: grafana.jaegerUid })
  })

  test('a span leads to the lines about its connection', () => {
    const toLogs = source(grafana.jaegerUid)?.jsonData.tracesToLogsV2
    expect(toLogs?.datasourceUid).toBe(grafana.lokiUid)
    // Grafana's own expansion of environment variables takes one of the dollars.
    expect(toLogs?.query?.replaceAll('$$', '$')).toBe(logsOfConnection(`$\{__span.tags.${fields.connectionId}}`))
    expect(toLogs?.query).toContain(edgeConnectionId)
  })

  test('an exemplar leads to its trace, and the latency panel asks for exemplars', () => {
    const targets = dashboardFiles.map(readDashboard).flatMap(({ panels }) => panels.flatMap(({ targets = [] }) => targets))
    const asking = targets.filter((target) => 'exemplar' in target && target.exemplar === true)
    expect(asking.map(({ expr = '' }) => expr.includes(metrics.messageLatency.name))).toContain(true)
    expect(source(grafana.datasourceUid)?.jsonData.exemplarTraceIdDestinations).toEqual([
      { name: fields.traceId, datasourceUid: grafana.jaegerUid },
    ])
  })
})

test('the check itself sees what is no LogQL', () => {
  expect(notLogql('{a="b"} | x=')).not.toEqual([])
})
