/** Checks that every alert has annotations and promtool tests; the stack tests run the promtool tests. */
import { jobs } from '@lab/contract/endpoints.ts'
import { metrics } from '@lab/contract/metrics.ts'
import { allPages } from '@lab/grafana/lib/pages.ts'
import { describe, expect, test } from 'vitest'
import { type Rule, readRules, ruleFiles } from './lib/expressions.ts'
import { parsePromql } from './lib/promql.ts'
import { read, readYaml, repoFiles } from './lib/repo-files.ts'

interface RuleTest {
  name: string
  input_series: { series: string }[]
  alert_rule_test?: { alertname: string; exp_alerts?: { exp_labels: Record<string, string> }[] }[]
}

interface Alert extends Rule {
  file: string
  name: string
}

const rules = ruleFiles.flatMap((file) => readRules(file).map((rule) => ({ ...rule, file, expr: String(rule.expr) })))
const alerts: Alert[] = rules.flatMap((rule) => (rule.alert === undefined ? [] : [{ ...rule, name: rule.alert }]))
const recorded = new Map(rules.flatMap(({ record, expr }) => (record === undefined ? [] : [[record, expr] as const])))

const dashboards = allPages.map(({ uid }) => uid)
const headings = ['Symptom', 'Look here', 'Do this', 'Provoke it']

/** Returns the scraped metrics that an expression uses, directly or through recording rules. */
function metricsOf(expr: string, seen = new Set<string>()): Set<string> {
  const found = new Set<string>()
  for (const { metric } of parsePromql(expr).selectors) {
    const from = recorded.get(metric)
    if (from === undefined) found.add(metric)
    else if (!seen.has(metric)) for (const inner of metricsOf(from, new Set([...seen, metric]))) found.add(inner)
  }
  return found
}

/** Returns a unique title for an alert, because some alerts, such as those for service level objectives, differ only in their labels. */
const title = ({ name, labels = {} }: Alert) => [name, labels.slo, labels.clock].filter(Boolean).join(' ')

describe.each(alerts.map((alert) => ({ ...alert, title: title(alert) })))('$file: $title', ({ file, name, expr, labels, annotations }) => {
  test('has a severity, a summary and a description with the value', () => {
    expect(labels?.severity).toMatch(name === 'Watchdog' ? /^none$/ : /^(critical|warning)$/)
    expect(annotations?.summary).toMatch(/\.$/)
    if (name !== 'Watchdog') expect(annotations?.description).toContain('$value')
  })

  test('links to its runbook, which is complete', () => {
    expect(annotations?.runbook_url).toBe(`http://localhost:{{ $externalLabels.alerts_port }}/runbooks/${name}`)
    const page = read(`docs/runbooks/${name}.md`)
    expect(page.startsWith(`# ${name}\n`)).toBe(true)
    expect([...page.matchAll(/^\*\*([^*]+)\.\*\*/gm)].map(([, heading]) => heading)).toEqual(headings)
  })

  test('links to a dashboard that its runbook also names', () => {
    const [, uid = ''] =
      /^http:\/\/localhost:\{\{ \$externalLabels\.grafana_port \}\}\/d\/([a-z-]+)$/.exec(annotations?.dashboard_url ?? '') ?? []
    expect(dashboards).toContain(uid)
    expect(read(`docs/runbooks/${name}.md`)).toContain(`*${uid}*`)
  })

  test('links to a dashboard that shows its metrics', () => {
    // The Watchdog alert always fires, so that a broken alerting pipeline is noticed.
    // Dashboards show the Watchdog alert only in their alert table.
    if (name === 'Watchdog') return
    const uid = annotations?.dashboard_url?.split('/').at(-1)
    const { panels } = JSON.parse(read(`grafana/provisioning/dashboards/${uid}.json`)) as { panels: { targets?: { expr: string }[] }[] }
    const shown = new Set(panels.flatMap(({ targets = [] }) => targets.flatMap((target) => [...metricsOf(target.expr)])))
    const own = [...metricsOf(expr)]
    expect(
      own.filter((metric) => shown.has(metric)),
      `${uid} shows none of ${own}`,
    ).not.toEqual([])
  })

  test('uses only labels that the result of its expression has', () => {
    const texts = Object.values(annotations ?? {}).join(' ')
    const gone = /^\(?(sum|count|abs\(\s*\(count|histogram_quantile)\b(?! by)/.test(expr)
    if (texts.includes('$labels.')) expect(gone).toBe(false)
  })

  test('selects the job of every metric', () => {
    for (const { metric, matchers } of parsePromql(expr).selectors) {
      // Recording rules already select a job.
      if (recorded.has(metric)) continue
      const job = matchers.find(({ label }) => label === 'job')?.value.split('|') ?? []
      expect(job, metric).not.toEqual([])
      expect(Object.values<string>(jobs), metric).toEqual(expect.arrayContaining(job))
    }
  })

  test('has a promtool case where it fires, one where it is silent, and one where its metrics are absent', () => {
    const wanted = metricsOf(expr)
    const cases = testsBeside(file).flatMap((group) => {
      const present = group.input_series.some(({ series }) => wanted.has(series.replace(/\{.*/, '')))
      const own = (group.alert_rule_test ?? []).filter(({ alertname }) => alertname === name)
      const mine = (given: Record<string, string>) => given.slo === labels?.slo && given.clock === labels?.clock
      return own.map(({ exp_alerts = [] }) => ({ present, fires: exp_alerts.some(({ exp_labels }) => mine(exp_labels)) }))
    })
    expect(cases.some(({ fires }) => fires)).toBe(true)
    if (wanted.size === 0) return
    expect(cases.some(({ fires, present }) => !fires && present)).toBe(true)
    expect(cases.some(({ present }) => !present)).toBe(true)
  })
})

describe('the set of alerts', () => {
  const names = [...new Set(alerts.map(({ name }) => name))].sort()

  test('contains the required alerts', () => {
    const promised = [
      ...['ConnectionsNearLimit', 'ConnectionsAtLimit', 'ConnectFailures', 'UnexplainedDrops', 'ErrorRateHigh', 'MessageLatencyHigh'],
      ...['ReplicaDown', 'ReplicaLost', 'NoReplica', 'DrainPastDeadline', 'CpuHigh', 'MemoryHigh', 'EventLoopLagHigh', 'DependencyDown'],
      ...['RolloutStuck'],
      ...['TargetDown', 'TraefikPoolStale', 'ConfigReloadFailed'],
      ...['ScalerAtMaximum', 'ScalerStuck', 'ScalerFlapping', 'ScalerBlind', 'ScalerSilent'],
      ...['ErrorBudgetBurnFast', 'ErrorBudgetBurnSlow', 'Watchdog'],
    ]
    expect(names).toEqual(promised.sort())
  })

  test('has exactly one runbook per alert', () => {
    expect(repoFiles((path) => path.startsWith('docs/runbooks/'))).toEqual(names.map((name) => `docs/runbooks/${name}.md`))
  })

  test('is loaded by Prometheus', () => {
    const { rule_files: patterns = [] } = readYaml<{ rule_files?: string[] }>('prometheus/prometheus.yml')
    expect(patterns).toEqual(['/etc/prometheus/rules/*.rules.yaml'])
  })

  test('has no test file without rules', () => {
    const tests = repoFiles((path) => /^prometheus\/rules\/.*\.test\.yaml$/.test(path))
    expect(tests).toEqual(ruleFiles.map((file) => file.replace('.rules.yaml', '.test.yaml')))
  })

  test('covers every scrape job', () => {
    const watched = ['ReplicaDown', 'TargetDown'].flatMap((name) => {
      const [up] = parsePromql(alerts.find((alert) => alert.name === name)?.expr ?? '').selectors
      return up?.matchers.find(({ label }) => label === 'job')?.value.split('|') ?? []
    })
    expect(watched.sort()).toEqual(Object.values<string>(jobs).sort())
  })

  test('uses thresholds that are bucket bounds of the histograms', () => {
    expect(metrics.messageLatency.buckets).toContain(1)
  })
})

function testsBeside(file: string): RuleTest[] {
  return readYaml<{ tests: RuleTest[] }>(file.replace('.rules.yaml', '.test.yaml')).tests
}
