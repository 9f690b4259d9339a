/** Tests the queries and the output of `./lab panels`. The stack tests run the queries against Prometheus. */

import { needOf } from '@lab/panels/needs.ts'
import { type PanelQuery, panelQueries } from '@lab/panels/queries.ts'
import { panelTable, summary } from '@lab/panels/report.ts'
import { type PanelAnswer, unexplained } from '@lab/panels/watch.ts'
import { describe, expect, test } from 'vitest'
import { dashboardExpressions, dashboardFiles, readDashboard } from './lib/expressions.ts'
import { parsePromql } from './lib/promql.ts'

const queries = panelQueries()
const query: PanelQuery = { page: 'Users', panel: 'Skew', kind: 'panel', refId: 'A', expression: 'up' }
const answer = (more: Partial<PanelAnswer>): PanelAnswer => ({ ...query, series: [], need: undefined, ...more })

describe('the queries', () => {
  test('are those of every panel and annotation', () => {
    const written = dashboardFiles.flatMap((file) => dashboardExpressions(file, readDashboard(file)))
    expect(queries.length).toBe(written.filter(({ what }) => !what.startsWith('variable ')).length)
  })

  test('are PromQL in the form that Grafana sends, without variables', () => {
    expect(queries.filter(({ expression }) => expression.includes('$'))).toEqual([])
    expect(queries.filter(({ expression }) => parsePromql(expression).errors.length > 0)).toEqual([])
    expect(queries.some(({ expression }) => expression.includes('[15m:15s]'))).toBe(true)
  })

  test('list existing queries as those that need more than load', () => {
    const needs = queries.flatMap((one) => needOf(one)?.name ?? [])
    expect([...new Set(needs)].sort()).toEqual(['change', 'event', 'fault', 'rollout', 'scaler'])
    expect(needOf(query)).toBeUndefined()
  })
})

describe('an unexplained query', () => {
  const scaler = { name: 'scaler', reason: 'there is none' } as const

  test('has no data although its requirements are met', () => {
    expect(unexplained([answer({})], [])).toHaveLength(1)
    expect(unexplained([answer({ need: scaler })], [])).toEqual([])
    expect(unexplained([answer({ need: scaler })], ['scaler'])).toHaveLength(1)
    expect(unexplained([answer({ series: [{ labels: {}, value: 0 }] })], [])).toEqual([])
  })
})

describe('the table', () => {
  const series = (count: number) => Array.from({ length: count }, (_, i) => ({ labels: { replica: `ws-${i + 1}` }, value: i / 3 }))

  test('has one line per series, or the reason why there is none', () => {
    const answers = [
      answer({ series: series(2) }),
      answer({ panel: 'Drops' }),
      answer({ panel: 'Pool', need: needOf({ ...query, kind: 'annotation' }) }),
    ]
    const text = panelTable(answers, '2026-01-01T00:00:00Z')
    expect(text).toContain('| Skew A | replica=ws-2 | 0.3333 |')
    expect(text).toContain('| Drops A |  | NO DATA |')
    expect(text).toMatch(/\| Pool A \| {2}\| no data: only has data during an event/)
    expect(summary(answers)).toBe('3 panels; 1 of 3 queries of panels and annotations had data.')
  })

  test('shows the number of omitted series', () => {
    expect(panelTable([answer({ series: series(20) })], '')).toContain('| Skew A | and 12 more |  |')
  })
})
