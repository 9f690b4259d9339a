/** Checks the dashboards against the rules of Grafana's dashboard-linter and some additional rules. */
import * as units from '@grafana/grafana-foundation-sdk/units'
import { containerMetrics } from '@lab/contract/container-metrics.ts'
import { grafana, jobs } from '@lab/contract/endpoints.ts'
import { loadMetrics, prometheusName } from '@lab/contract/load-metrics.ts'
import { type MetricSpec, metrics } from '@lab/contract/metrics.ts'
import { replicaColors } from '@lab/grafana/lib/colors.ts'
import { panelScope } from '@lab/grafana/lib/scopes.ts'
import { describe, expect, test } from 'vitest'
import { type DashboardPanel, dashboardFiles, logDashboardFiles, readDashboard } from './lib/expressions.ts'
import { parsePromql } from './lib/promql.ts'
import { readYaml } from './lib/repo-files.ts'

const knownUnits = new Set(Object.values(units).filter((unit) => typeof unit === 'string'))
/** Panel types that show data. */
const dataTypes = ['timeseries', 'stat', 'heatmap', 'state-timeline', 'table', 'logs']
/** Panel types that draw series over time, each with the option that enables its legend. */
const legends: Record<string, object> = {
  timeseries: { showLegend: true },
  'state-timeline': { showLegend: true },
  heatmap: { show: true },
}
/** Labels with at most four values, which need no table as a legend. */
const fewValues = ['direction', 'stage']
/**
 * Range windows that queries may use: Grafana's rate interval; for cost queries, the visible time range; and for changes(), a time longer
 * than a replica is away while it is replaced.
 */
const windowsAllowed = ['$__rate_interval', '$__range:15s', '5m']
/** k6 counters that panels may show without rate(), because the difference between these two is the number of open sockets. */
/** The panels at the top of every dashboard, which show the state of the lab. */
const headlines = ['Sockets', 'Replicas', 'p95 latency', 'Errors', 'Cost per hour now', 'Firing alerts']
const ofContainers = new Set<string>(Object.values(containerMetrics).map(({ name }) => name))
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

    test('has panels with unique ids that do not overlap and stay on the grid', () => {
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

    test('sets only those options of a variable that its type supports', () => {
      for (const entry of templating.list) {
        expect(Object.keys(entry).filter((key) => key.startsWith('auto') || key === 'staticOptions' || key === 'options')).toEqual([])
      }
    })

    test('uses only the selected data source', () => {
      const text = JSON.stringify(dashboard)
      const uids = [...text.matchAll(/"uid":"([^"]*)"/g)].map(([, uid]) => uid).filter((uid) => uid !== dashboard.uid)
      const logs = templating.list.some(({ query }) => query === 'loki') ? ['$logs'] : []
      expect([...new Set(uids)].sort()).toEqual(['$datasource', ...logs, '-- Grafana --'])
    })

    test('has the switches of its annotations in the menu of controls', () => {
      expect(dashboard.annotations.list.length).toBeGreaterThan(1)
      for (const entry of dashboard.annotations.list) expect(entry.placement).toBe('inControlsMenu')
    })

    test('shows at most three controls besides the time range and the menu of pages', () => {
      expect(templating.list.filter(({ hide }) => hide !== 2).map(({ name }) => name).length).toBeLessThanOrEqual(3)
    })

    test('begins with the headline numbers', () => {
      const first = panels.slice(0, headlines.length)
      expect(first.map(({ title, type, gridPos }) => ({ title, type, y: gridPos.y, h: gridPos.h }))).toEqual(
        headlines.map((title) => ({ title, type: 'stat', y: 0, h: 4 })),
      )
    })

    test('refreshes less often than a busy machine needs to answer all queries of a page', () => {
      expect(dashboard.refresh).toBe(dashboard.uid === 'lab-day' ? '1m' : '10s')
    })

    test('uses only panel types that these tests support', () => {
      expect(withData.map(({ type }) => type).filter((type) => !dataTypes.includes(type))).toEqual([])
    })

    describe.each(withData.map((panel) => ({ title: panel.title, panel })))(`panel "$title"`, ({ panel }) => {
      const targets = panel.targets ?? []
      const source = panel.datasource?.type === 'loki' ? '$logs' : '$datasource'
      // Loki queries are not PromQL.
      const parsed = source === '$logs' ? [] : targets.map(({ expr = '' }) => parsePromql(expr))

      test('has a title, a description with a question and its answer, a unit and a text for no data', () => {
        expect(panel.title).toMatch(/\S/)
        expect(panel.description).toMatch(/^[A-Z][^.?]+\? .*\.$/)
        if (panel.type !== 'logs') expect(knownUnits).toContain(panel.fieldConfig?.defaults.unit)
        // Grafana shows noValue in place of every missing value, so a text about the whole panel is false in a cell, a gap or a tooltip.
        if (panel.type === 'stat') expect(panel.fieldConfig?.defaults.noValue).toMatch(/\S/)
        else {
          expect(panel.fieldConfig?.defaults.noValue).toBeUndefined()
          expect(panel.description).toMatch(/ No data\? [A-Z]/)
        }
      })

      test('has a table as a legend if there can be more than four series', () => {
        if (panel.type !== 'timeseries') return
        const labels = targets.flatMap(({ legendFormat = '' }) =>
          [...legendFormat.matchAll(/\{\{(\w+)\}\}/g)].map(([, label = '']) => label),
        )
        const isMany = targets.length > 4 || labels.some((label) => !fewValues.includes(label))
        const wanted =
          isMany && source !== '$logs' ? { displayMode: 'table', calcs: ['lastNotNull', 'max'], sortBy: 'Max' } : { displayMode: 'list' }
        expect(panel.options?.legend).toMatchObject(wanted)
      })

      test('draws no outline around stacked areas, which would lie over the areas below', () => {
        const { stacking, lineWidth } = panel.fieldConfig?.defaults.custom ?? {}
        if (stacking?.mode === 'normal') expect(lineWidth).toBe(0)
      })

      test('has an axis that does not end at 100 while all values are zero', () => {
        const unit = panel.fieldConfig?.defaults.unit
        const isAmount = unit !== units.Seconds && !String(unit).startsWith('dt') && !/bytes|Bs|binBps|currency/i.test(String(unit))
        if (panel.type === 'timeseries' && isAmount) expect(panel.fieldConfig?.defaults.custom?.axisSoftMax).toBeLessThanOrEqual(2)
      })

      test('writes times of minutes and hours as a clock, and rates with the name of what is counted', () => {
        const unit = panel.fieldConfig?.defaults.unit
        expect(unit).not.toBe(units.CountsPerSecond)
        if (/process_start_time_seconds|scaler_replica_ready_seconds/.test(targets.map(({ expr }) => expr).join()) && unit !== units.Short)
          expect(unit).toMatch(/^dt/)
      })

      test('has no page switch', () => {
        expect(panel.options).not.toHaveProperty('perPage')
      })

      test('gives each replica its colour', () => {
        if (panel.type !== 'timeseries' || !targets.some(({ legendFormat }) => legendFormat?.includes('{{replica}}'))) return
        for (let number = 1; number <= 20; number++) expect(colorOf(panel, `ws-${number}`), `ws-${number}`).toBe(replicaColors[number % 10])
        expect(colorOf(panel, 'event loop ws-3')).toBe(replicaColors[3])
      })

      test('shows a legend, names its columns or reduces to the newest value', () => {
        if (panel.type in legends) expect(panel.options?.legend).toMatchObject(legends[panel.type] ?? {})
        else if (panel.type === 'logs') expect(panel.options).toMatchObject({ showTime: true })
        else if (panel.type === 'table') expect(panel.transformations?.map(({ id }) => id)).toEqual(['organize'])
        else expect(panel.options?.reduceOptions?.calcs).toEqual(['lastNotNull'])
      })

      test('queries the format that its panel type needs', () => {
        const wanted = { heatmap: 'heatmap', table: 'table' }[panel.type]
        expect(targets.map(({ format }) => format)).toEqual(targets.map(() => wanted))
        if (panel.type === 'heatmap')
          expect(targets.map(({ expr = '' }) => /^sum by \(le\) \(rate\(.*_bucket\{/.test(expr))).toEqual([true])
      })

      test('has queries with unique refIds and names, on the selected data source', () => {
        expect(targets.length).toBeGreaterThan(0)
        expect(targets.map(({ refId }) => refId)).toEqual(targets.map((_, index) => 'ABCDEFGH'[index]))
        const legends = panel.type === 'logs' ? [] : targets.map(({ legendFormat }) => legendFormat)
        expect(legends.every((legend) => legend !== undefined && /\S/.test(legend))).toBe(true)
        expect(legends).toEqual([...new Set(legends)])
        expect([panel.datasource, ...targets.map(({ datasource }) => datasource)].every((own) => own?.uid === source)).toBe(true)
      })

      test('selects the chosen replicas, or one other system', () => {
        for (const { metric, matchers } of parsed.flatMap(({ selectors }) => selectors)) {
          const own = matchers.map(({ label, operator, value }) => `${label}${operator}"${value}"`).join(', ')
          expect(scopesOf(metric, own).filter((scope) => own.includes(scope)).length, `${metric}{${own}}`).toBe(1)
        }
      })

      test('uses $__rate_interval for rates, and queries counters only with rate()', () => {
        const windows = (parsed.length > 0 ? targets : []).flatMap(({ expr = '' }) =>
          [...expr.matchAll(/\[([^\]]*)\]/g)].map(([, window = '']) => window),
        )
        expect(windows.filter((window) => !windowsAllowed.includes(window))).toEqual([])
        // changes() over a rate interval never counts a replica that was away for longer than that.
        expect(targets.filter(({ expr = '' }) => /\b(changes|resets)\([^[]*\[\$/.test(expr))).toEqual([])
        const rated = new Set(parsed.flatMap(({ rates }) => rates.flatMap(({ metrics }) => metrics)))
        const counters = parsed
          .flatMap(({ selectors }) => selectors.map(({ metric }) => metric))
          .filter((metric) => /_(total|bucket)$/.test(metric) && !counts.includes(metric))
        expect(counters.filter((metric) => !rated.has(metric))).toEqual([])
      })

      test('has the scrape interval of its metrics, because Grafana derives $__rate_interval from it', () => {
        for (const [index, { interval }] of targets.entries()) {
          const isSlow = parsed[index]?.selectors.some(({ metric }) => ofContainers.has(metric)) ?? false
          expect(interval).toBe(isSlow ? scrapeIntervalOf(jobs.cadvisor) : undefined)
        }
      })

      test('uses only labels in its legend that the query result contains', () => {
        for (const { expr = '', legendFormat = '' } of targets) {
          const resultLabels = [...expr.matchAll(/by \(([^)]*)\)/g)].flatMap(([, labels = '']) => labels.split(', '))
          for (const [, label] of legendFormat.matchAll(/\{\{(\w+)\}\}/g)) expect(resultLabels).toContain(label)
        }
      })
    })

    test('has a file name that equals its uid', () => {
      expect(file.replace('/logs/', '/')).toBe(`grafana/provisioning/dashboards/${dashboard.uid}.json`)
    })

    test('has unique panel titles', () => {
      const titles = panels.map(({ title }) => title)
      expect(titles).toEqual([...new Set(titles)])
    })
  },
)

test('every histogram of the service reaches up to a minute, because a quantile is never larger than the last bucket', () => {
  const specs: MetricSpec[] = Object.values(metrics)
  const short = specs.filter(({ kind, buckets = [] }) => kind === 'histogram' && (buckets.at(-1) ?? 0) < 60)
  expect(short.map(({ name }) => name)).toEqual([])
})

/** Returns the fixed colour of a series; the last override that matches the series' name wins. */
function colorOf({ fieldConfig }: DashboardPanel, name: string): string | undefined {
  const matching = (fieldConfig?.overrides ?? []).filter(({ matcher: { id, options } }) =>
    id === 'byName' ? options === name : id === 'byRegexp' && new RegExp(`^${options}$`).test(name),
  )
  const colors = matching.flatMap(({ properties }) => properties.filter(({ id }) => id === 'color').map(({ value }) => value))
  return (colors.at(-1) as { fixedColor: string } | undefined)?.fixedColor
}

/** Returns the selectors that are allowed for a metric. Each query must use one of its metric's allowed selectors. */
function scopesOf(metric: string, own: string): string[] {
  const replicas = panelScope.selector.replaceAll(/\$\w+/g, '__variable__')
  if (metric.startsWith('kube_')) return [`job="${jobs.kubeStateMetrics}"`]
  if (metric.startsWith('scaler_')) return [`job="${jobs.scaler}"`]
  if (ofContainers.has(metric)) return [`job="${jobs.cadvisor}"`]
  if (metric.startsWith('traefik_')) return [`job="${jobs.traefik}"`]
  // Metrics that k6 sends or that Prometheus itself generates have no job label.
  if (metric.startsWith('k6_') || metric === 'ALERTS') return ['']
  // Recording rules aggregate over all replicas and the router. Metrics such as `up` exist for every scrape target.
  if (metric.startsWith('slo:')) return ['']
  if (/_config_last_reload_successful$/.test(metric)) return [`job="${metric.split('_')[0]}"`]
  if (metric === 'up') return own === '' ? [''] : [replicas]
  return metric.startsWith('process_') ? [replicas, `job="${jobs.traefik}"`] : [replicas]
}

function scrapeIntervalOf(job: string): string | undefined {
  const { scrape_configs } = readYaml<{ scrape_configs: { job_name: string; scrape_interval?: string }[] }>('prometheus/prometheus.yml')
  return scrape_configs.find(({ job_name }) => job_name === job)?.scrape_interval
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
