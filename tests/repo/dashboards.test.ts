/** Dashboards as Grafana's dashboard-linter wants them, and the rules that it leaves out. */
import * as units from '@grafana/grafana-foundation-sdk/units'
import { grafana, jobs } from '@lab/contract/endpoints.ts'
import { loadMetrics, prometheusName } from '@lab/contract/load-metrics.ts'
import { describe, expect, test } from 'vitest'
import { panelScope } from '../../grafana/lib/scopes.ts'
import { type DashboardPanel, dashboardFiles, logDashboardFiles, readDashboard } from './lib/expressions.ts'
import { parsePromql } from './lib/promql.ts'

const knownUnits = new Set(Object.values(units).filter((unit) => typeof unit === 'string'))
/** Panel types that show data. */
const dataTypes = ['timeseries', 'stat', 'gauge', 'heatmap', 'state-timeline', 'table', 'bargauge', 'barchart', 'logs']
/** Panel types that draw series over time, and how their legend is switched on. */
const legends: Record<string, object> = {
  timeseries: { showLegend: true },
  'state-timeline': { showLegend: true },
  heatmap: { show: true },
}
/** Windows that queries may look back over: rates, and the time shown for what it cost. */
const windowsAllowed = ['$__rate_interval', '$__range:15s']
/** Counters that are no rates: the number of open sockets is the difference of two of k6's. */
const counts = [loadMetrics.socketsOpened, loadMetrics.socketsClosed].map((metric) => prometheusName(metric))

describe.each([...dashboardFiles, ...logDashboardFiles].map((file) => ({ file, dashboard: readDashboard(file) })))(
  '$file',
  ({ file, dashboard }) => {
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
      const logs = templating.list.some(({ query }) => query === 'loki') ? ['$logs'] : []
      expect([...new Set(uids)].sort()).toEqual(['$datasource', ...logs, '-- Grafana --'])
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
      const source = panel.datasource?.type === 'loki' ? '$logs' : '$datasource'
      // What is asked of Loki is no PromQL.
      const parsed = source === '$logs' ? [] : targets.map(({ expr = '' }) => parsePromql(expr))

      test('has a title, a question with its answer, a unit and a text for no data', () => {
        expect(panel.title).toMatch(/\S/)
        expect(panel.description).toMatch(/^[A-Z][^.?]+\? .*\.$/)
        if (panel.type !== 'logs') expect(knownUnits).toContain(panel.fieldConfig?.defaults.unit)
        expect(panel.fieldConfig?.defaults.noValue).toMatch(/\S/)
      })

      test('shows a legend, names its columns or reduces to the newest value', () => {
        if (panel.type in legends) expect(panel.options?.legend).toMatchObject(legends[panel.type] ?? {})
        else if (panel.type === 'logs') expect(panel.options).toMatchObject({ showTime: true })
        else if (panel.type === 'table') expect(panel.transformations?.map(({ id }) => id)).toEqual(['organize'])
        else expect(panel.options?.reduceOptions?.calcs).toEqual(['lastNotNull'])
      })

      test('asks in the form that its type draws', () => {
        const wanted = { heatmap: 'heatmap', table: 'table' }[panel.type]
        expect(targets.map(({ format }) => format)).toEqual(targets.map(() => wanted))
        if (panel.type === 'heatmap')
          expect(targets.map(({ expr = '' }) => /^sum by \(le\) \(rate\(.*_bucket\{/.test(expr))).toEqual([true])
      })

      test('has queries with refIds and names of their own, on the chosen data source', () => {
        expect(targets.length).toBeGreaterThan(0)
        expect(targets.map(({ refId }) => refId)).toEqual(targets.map((_, index) => 'ABCDEFGH'[index]))
        const legends = panel.type === 'logs' ? [] : targets.map(({ legendFormat }) => legendFormat)
        expect(legends.every((legend) => legend !== undefined && /\S/.test(legend))).toBe(true)
        expect(legends).toEqual([...new Set(legends)])
        expect([panel.datasource, ...targets.map(({ datasource }) => datasource)].every((own) => own?.uid === source)).toBe(true)
      })

      test('selects the chosen replicas, or the one other system it speaks of', () => {
        for (const { metric, matchers } of parsed.flatMap(({ selectors }) => selectors)) {
          const own = matchers.map(({ label, operator, value }) => `${label}${operator}"${value}"`).join(', ')
          expect(scopesOf(metric, own).filter((scope) => own.includes(scope)).length, `${metric}{${own}}`).toBe(1)
        }
      })

      test('takes rates over $__rate_interval, and of counters nothing but rates', () => {
        const windows = (parsed.length > 0 ? targets : []).flatMap(({ expr = '' }) =>
          [...expr.matchAll(/\[([^\]]*)\]/g)].map(([, window = '']) => window),
        )
        expect(windows.filter((window) => !windowsAllowed.includes(window))).toEqual([])
        const rated = new Set(parsed.flatMap(({ rates }) => rates.flatMap(({ metrics }) => metrics)))
        const counters = parsed
          .flatMap(({ selectors }) => selectors.map(({ metric }) => metric))
          .filter((metric) => /_(total|bucket)$/.test(metric) && !counts.includes(metric))
        expect(counters.filter((metric) => !rated.has(metric))).toEqual([])
      })

      test('names in its legend only labels that its query keeps', () => {
        for (const { expr = '', legendFormat = '' } of targets) {
          const kept = [...expr.matchAll(/by \(([^)]*)\)/g)].flatMap(([, labels = '']) => labels.split(', '))
          for (const [, label] of legendFormat.matchAll(/\{\{(\w+)\}\}/g)) expect(kept).toContain(label)
        }
      })
    })

    test('is found under its name in the folder', () => {
      expect(file.replace('/logs/', '/')).toBe(`grafana/provisioning/dashboards/${dashboard.uid}.json`)
    })

    test('has titles of its own', () => {
      const titles = panels.map(({ title }) => title)
      expect(titles).toEqual([...new Set(titles)])
    })
  },
)

/** The selectors that a metric may have; one of them it must. */
function scopesOf(metric: string, own: string): string[] {
  const replicas = panelScope.selector.replaceAll(/\$\w+/g, '__variable__')
  if (/^(kube|scaler)_/.test(metric)) return [`job="${jobs.scaler}"`]
  if (metric.startsWith('traefik_')) return [`job="${jobs.traefik}"`]
  // Sent by k6 and made by Prometheus: neither is scraped, so there is no job to select.
  if (metric.startsWith('k6_') || metric === 'ALERTS') return ['']
  // Recorded over all replicas and the router, and those of everybody who is scraped.
  if (metric.startsWith('slo:')) return ['']
  if (/_config_last_reload_successful$/.test(metric)) return [`job="${metric.split('_')[0]}"`]
  if (metric === 'up') return own === '' ? [''] : [replicas]
  return metric.startsWith('process_') ? [replicas, `job="${jobs.traefik}"`] : [replicas]
}

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
