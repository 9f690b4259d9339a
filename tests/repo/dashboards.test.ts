/** Dashboards as Grafana's dashboard-linter wants them, and the rules that it leaves out. */
import * as units from '@grafana/grafana-foundation-sdk/units'
import { grafana } from '@lab/contract/endpoints.ts'
import { describe, expect, test } from 'vitest'
import { panelScope } from '../../grafana/lib/dashboards.ts'
import { type DashboardPanel, dashboardFiles, readDashboard } from './lib/expressions.ts'
import { parsePromql } from './lib/promql.ts'

const knownUnits = new Set(Object.values(units).filter((unit) => typeof unit === 'string'))
/** Panel types that show data. */
const dataTypes = ['timeseries', 'stat', 'gauge', 'heatmap', 'state-timeline', 'table', 'bargauge', 'barchart']
/** Panel types that have a legend. */
const legendTypes = ['timeseries', 'state-timeline']

describe.each(dashboardFiles.map((file) => ({ file, dashboard: readDashboard(file) })))('$file', ({ file, dashboard }) => {
  const { panels, templating } = dashboard
  const withData = panels.filter(({ type }) => type !== 'row' && type !== 'text')

  test('is a classic model that cannot be edited in place', () => {
    expect(dashboard).toMatchObject({ schemaVersion: 42, editable: false })
    expect(dashboard.uid).toMatch(/^[a-z0-9-]{1,40}$/)
    expect(dashboard).not.toHaveProperty('__inputs')
  })

  test('has panels with ids of their own that do not overlap and stay on the grid', () => {
    const ids = panels.map(({ id }) => id)
    expect(ids).toEqual([...new Set(ids)])
    expect(ids.every((id) => Number.isInteger(id) && id > 0)).toBe(true)
    expect(overlaps(panels)).toEqual([])
    expect(panels.filter(({ gridPos: { x, w } }) => x + w > 24).map(({ title }) => title)).toEqual([])
  })

  test('fills every line of the grid', () => {
    const lines = Map.groupBy(panels, ({ gridPos }) => gridPos.y)
    for (const [y, line] of lines)
      expect(
        line.reduce((sum, { gridPos }) => sum + gridPos.w, 0),
        `line at ${y}`,
      ).toBe(24)
  })

  test('has a variable for the data source, the job and the instance', () => {
    const variable = (name: string) => templating.list.find((entry) => entry.name === name)
    expect(variable('datasource')).toMatchObject({ type: 'datasource', query: 'prometheus', label: 'Data source' })
    expect(variable('datasource')).toMatchObject({ current: { value: grafana.datasourceUid } })
    for (const [name, label] of [
      ['job', 'Job'],
      ['instance', 'Instance'],
    ] as const) {
      expect(variable(name)).toMatchObject({ type: 'query', label, multi: true, includeAll: true, allValue: '.+', refresh: 2 })
      expect(variable(name)).toMatchObject({ datasource: { type: 'prometheus', uid: '$datasource' } })
      expect(String(variable(name)?.query)).toMatch(new RegExp(`^label_values\\(.*, ${name}\\)$`))
    }
  })

  test('has no settings of variables that their kind does not have', () => {
    for (const entry of templating.list) {
      expect(Object.keys(entry).filter((key) => key.startsWith('auto') || key === 'staticOptions' || key === 'options')).toEqual([])
    }
  })

  test('asks no data source but the chosen one', () => {
    const text = JSON.stringify(dashboard)
    const uids = [...text.matchAll(/"uid":"([^"]*)"/g)].map(([, uid]) => uid).filter((uid) => uid !== dashboard.uid)
    expect([...new Set(uids)].sort()).toEqual(['$datasource', '-- Grafana --'])
  })

  test('shows its annotation switches', () => {
    expect(dashboard.annotations.list.length).toBeGreaterThan(0)
    for (const entry of dashboard.annotations.list) expect(entry).not.toHaveProperty('placement')
  })

  test('uses only types of panels that these tests know', () => {
    expect(withData.map(({ type }) => type).filter((type) => !dataTypes.includes(type))).toEqual([])
  })

  describe.each(withData.map((panel) => ({ title: panel.title, panel })))(`panel "$title"`, ({ panel }) => {
    const targets = panel.targets ?? []
    const parsed = targets.map(({ expr = '' }) => parsePromql(expr))

    test('has a title, a description, a unit and a text for no data', () => {
      expect(panel.title).toMatch(/\S/)
      expect(panel.description).toMatch(/\.$/)
      expect(knownUnits).toContain(panel.fieldConfig?.defaults.unit)
      expect(panel.fieldConfig?.defaults.noValue).toMatch(/\S/)
    })

    test('shows a legend or reduces to the newest value', () => {
      if (legendTypes.includes(panel.type)) expect(panel.options?.legend?.showLegend).toBe(true)
      else expect(panel.options?.reduceOptions?.calcs).toEqual(['lastNotNull'])
    })

    test('has queries with refIds and names of their own, on the chosen data source', () => {
      expect(targets.length).toBeGreaterThan(0)
      expect(targets.map(({ refId }) => refId)).toEqual(targets.map((_, index) => 'ABCDEFGH'[index]))
      const legends = targets.map(({ legendFormat }) => legendFormat)
      expect(legends.every((legend) => legend !== undefined && /\S/.test(legend))).toBe(true)
      expect(legends).toEqual([...new Set(legends)])
      expect([panel.datasource, ...targets.map(({ datasource }) => datasource)].every((source) => source?.uid === '$datasource')).toBe(true)
    })

    test('selects by job, instance and replica', () => {
      const { selector } = panelScope
      for (const { metric, matchers } of parsed.flatMap(({ selectors }) => selectors)) {
        const own = matchers.map(({ label, operator, value }) => `${label}${operator}"${value}"`).join(', ')
        expect(own, metric).toContain(selector.replaceAll(/\$\w+/g, '__variable__'))
      }
    })

    test('takes rates over $__rate_interval, and of counters nothing but rates', () => {
      const windows = targets.flatMap(({ expr = '' }) => [...expr.matchAll(/\[([^\]]*)\]/g)].map(([, window]) => window))
      expect(windows.filter((window) => window !== '$__rate_interval')).toEqual([])
      const rated = new Set(parsed.flatMap(({ rates }) => rates.flatMap(({ metrics }) => metrics)))
      const counters = parsed
        .flatMap(({ selectors }) => selectors.map(({ metric }) => metric))
        .filter((metric) => /_(total|bucket)$/.test(metric))
      expect(counters.filter((metric) => !rated.has(metric))).toEqual([])
    })

    test('names in its legend only labels that its query keeps', () => {
      for (const { expr = '', legendFormat = '' } of targets) {
        for (const [, label = ''] of legendFormat.matchAll(/\{\{(\w+)\}\}/g)) expect(expr).toContain(`by (${label})`)
      }
    })
  })

  test('is found under its name in the folder', () => {
    expect(file).toBe(`grafana/provisioning/dashboards/${dashboard.uid}.json`)
  })
})

test('dashboards have uids of their own', () => {
  const uids = dashboardFiles.map((file) => readDashboard(file).uid)
  expect(uids).toEqual([...new Set(uids)])
})

describe('the home dashboard', () => {
  const home = readDashboard(`grafana/provisioning/dashboards/${grafana.homeDashboardUid}.json`)

  test('holds the twelve promised panels in four rows', () => {
    expect(home.title).toBe('WebSocket Scaling Lab')
    expect(home.panels.filter(({ type }) => type !== 'text').map(({ type, title }) => (type === 'row' ? `# ${title}` : title))).toEqual([
      '# Connection Overview',
      'Active connections',
      'Connection rate',
      'Total connections over time',
      '# Message Throughput',
      'Messages received/s',
      'Messages sent/s',
      'Latency distribution',
      '# Scaling Events',
      'Replica count over time',
      'CPU utilisation',
      'Connection drops during scaling',
      '# System Health',
      'Replica status',
      'Resource usage',
      'Error rates',
    ])
  })

  test('begins with what to run next', () => {
    expect(home.panels[0]).toMatchObject({ type: 'text', gridPos: { y: 0, w: 24 } })
    expect(home.panels[0]?.options?.content).toContain('docker compose run --rm k6')
  })

  test('draws each state of a replica in the same colour in every panel', () => {
    const status = home.panels.find(({ title }) => title === 'Replica status')
    const count = home.panels.find(({ title }) => title === 'Replica count over time')
    const mapped = Object.values(status?.fieldConfig?.defaults.mappings?.[0]?.options ?? {}) as { text: string; color: string }[]
    expect(mapped).toHaveLength(5)
    const overrides = JSON.stringify(count?.fieldConfig?.overrides)
    for (const { text, color } of mapped.filter(({ text }) => text !== 'no answer')) {
      expect(overrides).toContain(`{"id":"byName","options":"${text}"},"properties":[{"id":"color","value":{"fixedColor":"${color}"`)
    }
  })
})

function overlaps(panels: DashboardPanel[]): string[] {
  return panels.flatMap((a, index) =>
    panels
      .slice(index + 1)
      .filter((b) => meet(a.gridPos.x, a.gridPos.w, b.gridPos.x, b.gridPos.w) && meet(a.gridPos.y, a.gridPos.h, b.gridPos.y, b.gridPos.h))
      .map((b) => `${a.title} and ${b.title}`),
  )
}

function meet(a: number, aLength: number, b: number, bLength: number): boolean {
  return a < b + bLength && b < a + aLength
}
