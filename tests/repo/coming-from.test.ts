/** Checks that every name that docs/coming-from.md gives for something in this lab actually exists. */
import { hostPorts, paths } from '@lab/contract/endpoints.ts'
import { clientMessageTypes, errorCodes, serverMessageTypes } from '@lab/contract/messages.ts'
import { settings } from '@lab/ws/config.ts'
import { describe, expect, test } from 'vitest'
import { parse } from 'yaml'
import { readRules, ruleFiles } from './lib/expressions.ts'
import { knownMetrics } from './lib/known-metrics.ts'
import { read } from './lib/repo-files.ts'

const sections = new Map(
  read('docs/coming-from.md')
    .split('\n## ')
    .slice(1)
    .map((section) => [section.split('\n')[0] ?? '', section]),
)

/**
 * Returns the cells of the "Here" column in the tables under a heading. If a row contains "the same", returns both columns, because the
 * name in the other column also applies to the lab.
 */
function here(heading: string): string {
  const rows = (sections.get(heading) ?? '').split('\n').filter((line) => line.startsWith('| '))
  return rows
    .slice(2)
    .map((row) => (row.includes('| the same') ? row : row.split('|').slice(2, -1).join(' ')))
    .join('\n')
}

/** Returns the code spans in a text that match a pattern. */
const words = (text: string, shape: RegExp): string[] =>
  [...text.matchAll(/`([^`]+)`/g)].map(([, word = '']) => word).filter((word) => shape.test(word))

const messageTypes: string[] = [...clientMessageTypes, ...serverMessageTypes]
const fields = ['seq', 'since', 'type', 'code']
const histograms = (name: string) => [name, `${name}_bucket`]
const metricNames = knownMetrics()
/** Variables that only the Compose file uses. */
const composeVariables = new Set(
  read('compose.yaml')
    .match(/\$\{([A-Z_]+)/g)
    ?.map((found) => found.slice(2)),
)
const variables = new Set([...Object.keys(settings), ...Object.keys(hostPorts), ...composeVariables])

describe('the column "Here"', () => {
  test.each([
    ['Paths and ports', /^\//, (word: string) => Object.values<string>(paths).includes(word)],
    ['Messages', /^[a-z_]+$/, (word: string) => [...messageTypes, ...fields].includes(word)],
    ['Metrics', /^[a-z]+(_[a-z]+)+$/, (word: string) => histograms(word).some((name) => metricNames.has(name))],
    ...['Alerts', 'Environment', 'Paths and ports', 'Messages', 'Tools and ways of working', 'Settled differences'].map(
      (heading) => [heading, /^[A-Z]+(_[A-Z]+)*(=|$)/, (word: string) => variables.has(word.replace(/=.*/, ''))] as const,
    ),
  ] as const)('under %s names only existing words of the form %s', (heading, shape, isThere) => {
    const named = words(here(heading), shape)
    expect(named.length).toBeGreaterThan(0)
    expect(named.filter((word) => !isThere(word))).toEqual([])
  })

  test('lists every health path', () => {
    const named = words(here('Paths and ports'), /^\//)
    const { health, apiHealth, healthz, livez, healthLiveness, readyz, healthReadiness } = paths
    for (const path of [health, apiHealth, healthz, livez, healthLiveness, readyz, healthReadiness]) expect(named).toContain(path)
  })

  test('names only alerts that exist', () => {
    const alerts = ruleFiles.flatMap(readRules).flatMap(({ alert = [] }) => alert)
    const named = here('Alerts').match(/\b[A-Z][a-z]+(?:[A-Z][a-z]+)+\b/g) ?? []
    expect(named.length).toBeGreaterThan(8)
    expect(named.filter((name) => !alerts.includes(name))).toEqual([])
  })
})

test('the page gives the error code that an unknown message type gets', () => {
  expect(sections.get('Messages')).toContain('`unknown_type`')
  expect(Object.keys(errorCodes)).toContain('unknown_type')
})

test('logs are retained for the time on the page', () => {
  expect(here('Tools and ways of working')).toContain(
    'Docker retains 30 MB of logs per container, and Loki retains logs for 14 days, and errors for 30 days',
  )
  const { limits_config: limits } = parse(read('grafana/loki/loki.yaml')) as {
    limits_config: { retention_period: string; retention_stream: { selector: string; period: string }[]; otlp_config: object }
  }
  expect([limits.retention_period, limits.retention_stream.map(({ period }) => period)]).toEqual([`${14 * 24}h`, [`${30 * 24}h`]])
  // A retention rule selects streams by their labels, so the severity must be one.
  expect(limits.retention_stream[0]?.selector).toContain('severity_text=~')
  expect(limits.otlp_config).toMatchObject({ severity_text_as_label: true })
  expect(read('services/common.yaml')).toContain('options: { max-size: 10m, max-file: "3" }')
  expect(read('compose.yaml')).toContain('--storage.tsdb.retention.time=30d')
})
