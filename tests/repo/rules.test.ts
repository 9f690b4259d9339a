/** What every alert owes its reader, and that its promtool tests are complete. promtool itself runs in the stack tests. */
import { metrics } from '@lab/contract/metrics.ts'
import { allReplicas } from '@lab/contract/queries.ts'
import { describe, expect, test } from 'vitest'
import { readRules, ruleFiles } from './lib/expressions.ts'
import { parsePromql } from './lib/promql.ts'
import { readYaml, repoFiles } from './lib/repo-files.ts'

interface RuleTest {
  name: string
  input_series: { series: string }[]
  alert_rule_test?: { alertname: string; exp_alerts?: unknown[] }[]
}

const alerts = ruleFiles.flatMap((file) => readRules(file).map((rule) => ({ ...rule, file, name: rule.alert ?? '' })))
const metricsOf = (expr: string) => new Set(parsePromql(expr).selectors.map(({ metric }) => metric))

describe.each(alerts)('$file: $name', ({ file, name, expr, labels, annotations }) => {
  test('has a severity, a summary and a description with the value', () => {
    expect(labels?.severity).toMatch(name === 'Watchdog' ? /^none$/ : /^(critical|warning)$/)
    expect(annotations?.summary).toMatch(/\.$/)
    if (name !== 'Watchdog') expect(annotations?.description).toContain('$value')
  })

  test('names only labels that its expression keeps', () => {
    const texts = Object.values(annotations ?? {}).join(' ')
    const perReplica = !/^\(?(sum|count|histogram_quantile)\b/.test(expr)
    if (texts.includes('$labels.')) expect(perReplica).toBe(true)
  })

  test('looks at the replicas alone', () => {
    for (const { metric, matchers } of parsePromql(expr).selectors) {
      const selector = matchers.map(({ label, operator, value }) => `${label}${operator}"${value}"`)
      expect(selector, metric).toContain(allReplicas.selector)
    }
  })

  test('has a promtool case where it fires, one where it is silent, and one where its metrics are absent', () => {
    const wanted = metricsOf(expr)
    const cases = testsBeside(file).flatMap((group) => {
      const present = group.input_series.some(({ series }) => wanted.has(series.replace(/\{.*/, '')))
      const own = (group.alert_rule_test ?? []).filter(({ alertname }) => alertname === name)
      return own.map(({ exp_alerts = [] }) => ({ present, fires: exp_alerts.length > 0 }))
    })
    expect(cases.some(({ fires }) => fires)).toBe(true)
    if (wanted.size === 0) return
    expect(cases.some(({ fires, present }) => !fires && present)).toBe(true)
    expect(cases.some(({ present }) => !present)).toBe(true)
  })
})

describe('the set of alerts', () => {
  test('holds those the lab promises', () => {
    expect(alerts.map(({ name }) => name).sort()).toEqual(
      [
        'ConnectionsAtLimit',
        'ConnectionsNearLimit',
        'CpuHigh',
        'DrainPastDeadline',
        'ErrorRateHigh',
        'MemoryHigh',
        'MessageLatencyHigh',
        'NoReplica',
        'ReplicaDown',
        'UnexplainedDrops',
        'Watchdog',
      ].sort(),
    )
  })

  test('is loaded by Prometheus', () => {
    const { rule_files: patterns = [] } = readYaml<{ rule_files?: string[] }>('prometheus/prometheus.yml')
    expect(patterns).toEqual(['/etc/prometheus/rules/*.rules.yaml'])
  })

  test('has no test file without rules', () => {
    const tests = repoFiles((path) => /^prometheus\/rules\/.*\.test\.yaml$/.test(path))
    expect(tests).toEqual(ruleFiles.map((file) => file.replace('.rules.yaml', '.test.yaml')))
  })

  test('knows the memory limit of a replica', () => {
    const limit = readYaml<{ services: { ws: { mem_limit: string } } }>('compose.yaml').services.ws.mem_limit
    const rule = alerts.find(({ name }) => name === 'MemoryHigh')
    expect(limit).toMatch(/^\d+m$/)
    expect(rule?.expr).toContain(`> 0.8 * ${Number.parseInt(limit, 10)} * 1024 * 1024`)
  })

  test('names the latency buckets that its threshold needs', () => {
    expect(metrics.messageLatency.buckets).toContain(1)
  })
})

function testsBeside(file: string): RuleTest[] {
  return readYaml<{ tests: RuleTest[] }>(file.replace('.rules.yaml', '.test.yaml')).tests
}
