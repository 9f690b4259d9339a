/** docs/coming-from.md leads people from names they know to names that are there. */
import { hostPorts, paths } from '@lab/contract/endpoints.ts'
import { clientMessageTypes, errorCodes, serverMessageTypes } from '@lab/contract/messages.ts'
import { describe, expect, test } from 'vitest'
import { parse } from 'yaml'
import { settings } from '../../services/ws/src/config.ts'
import { readRules, ruleFiles } from './lib/expressions.ts'
import { knownMetrics } from './lib/known-metrics.ts'
import { read } from './lib/repo-files.ts'

const sections = new Map(
  read('docs/coming-from.md')
    .split('\n## ')
    .slice(1)
    .map((section) => [section.split('\n')[0] ?? '', section]),
)

/** The cells on what is here, of the tables under a heading; what is looked for is left of them, and belongs to it where it is the same. */
function here(heading: string): string {
  const rows = (sections.get(heading) ?? '').split('\n').filter((line) => line.startsWith('| '))
  return rows
    .slice(2)
    .map((row) => (row.includes('| the same') ? row : row.split('|').slice(2, -1).join(' ')))
    .join('\n')
}

/** Words in code that look like this. */
const words = (text: string, shape: RegExp): string[] =>
  [...text.matchAll(/`([^`]+)`/g)].map(([, word = '']) => word).filter((word) => shape.test(word))

const messageTypes: string[] = [...clientMessageTypes, ...serverMessageTypes]
const fields = ['seq', 'since', 'type', 'code']
const histograms = (name: string) => [name, `${name}_bucket`]
const metricNames = knownMetrics()
/** Of Compose alone. */
const composeVariables = new Set(
  read('compose.yaml')
    .match(/\$\{([A-Z_]+)/g)
    ?.map((found) => found.slice(2)),
)
const variables = new Set([...Object.keys(settings), ...Object.keys(hostPorts), ...composeVariables])

describe('what is said to be here', () => {
  test.each([
    ['Paths and ports', /^\//, (word: string) => Object.values<string>(paths).includes(word)],
    ['Messages', /^[a-z_]+$/, (word: string) => [...messageTypes, ...fields].includes(word)],
    ['Metrics', /^[a-z]+(_[a-z]+)+$/, (word: string) => histograms(word).some((name) => metricNames.has(name))],
    ...['Alerts', 'Environment', 'Paths and ports', 'Messages', 'Tools and ways of working', 'Settled differences'].map(
      (heading) => [heading, /^[A-Z]+(_[A-Z]+)*(=|$)/, (word: string) => variables.has(word.replace(/=.*/, ''))] as const,
    ),
  ] as const)('under %s, in words like %s, is there', (heading, shape, isThere) => {
    const said = words(here(heading), shape)
    expect(said.length).toBeGreaterThan(0)
    expect(said.filter((word) => !isThere(word))).toEqual([])
  })

  test('has every path of health', () => {
    const said = words(here('Paths and ports'), /^\//)
    const { health, apiHealth, healthz, livez, healthLiveness, readyz, healthReadiness } = paths
    for (const path of [health, apiHealth, healthz, livez, healthLiveness, readyz, healthReadiness]) expect(said).toContain(path)
  })

  test('has alerts that there are', () => {
    const alerts = ruleFiles.flatMap(readRules).flatMap(({ alert = [] }) => alert)
    const said = here('Alerts').match(/\b[A-Z][a-z]+(?:[A-Z][a-z]+)+\b/g) ?? []
    expect(said.length).toBeGreaterThan(8)
    expect(said.filter((name) => !alerts.includes(name))).toEqual([])
  })
})

test('the answer to a type of another system is the one the page tells of', () => {
  expect(sections.get('Messages')).toContain('`unknown_type`')
  expect(Object.keys(errorCodes)).toContain('unknown_type')
})

test('logs are kept as long as the page says', () => {
  expect(here('Tools and ways of working')).toContain('Docker keeps 30 MB of each container, Loki a day')
  const loki = parse(read('loki/loki.yaml')) as { limits_config: { retention_period: string } }
  expect(loki.limits_config.retention_period).toBe('24h')
  expect(read('compose.yaml')).toContain('options: { max-size: 10m, max-file: "3" }')
  expect(read('compose.yaml')).toContain('--storage.tsdb.retention.time=30d')
})
