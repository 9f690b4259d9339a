/** What `npm run panels` asks and how it tells; the asking itself is a stack test. */
import { describe, expect, test } from 'vitest'
import { needOf } from '../../scripts/panels/needs.ts'
import { type PanelQuery, panelQueries } from '../../scripts/panels/queries.ts'
import { panelTable, summary } from '../../scripts/panels/report.ts'
import { type PanelAnswer, unexplained } from '../../scripts/panels/watch.ts'
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

  test('are PromQL as Grafana would send it, without any variable', () => {
    expect(queries.filter(({ expression }) => expression.includes('$'))).toEqual([])
    expect(queries.filter(({ expression }) => parsePromql(expression).errors.length > 0)).toEqual([])
    expect(queries.some(({ expression }) => expression.includes('[15m:15s]'))).toBe(true)
  })

  test('need more than load in few cases, each of which there is', () => {
    const needs = queries.flatMap((one) => needOf(one)?.name ?? [])
    expect([...new Set(needs)].sort()).toEqual(['change', 'event', 'http', 'scaler'])
    expect(needOf(query)).toBeUndefined()
  })
})

describe('what is unexplained', () => {
  const scaler = { name: 'scaler', reason: 'there is none' } as const

  test('is a query without data that needs nothing, or has what it needs', () => {
    expect(unexplained([answer({})], [])).toHaveLength(1)
    expect(unexplained([answer({ need: scaler })], [])).toEqual([])
    expect(unexplained([answer({ need: scaler })], ['scaler'])).toHaveLength(1)
    expect(unexplained([answer({ series: [{ labels: {}, value: 0 }] })], [])).toEqual([])
  })
})

describe('the table', () => {
  const series = (count: number) => Array.from({ length: count }, (_, i) => ({ labels: { replica: `ws-${i + 1}` }, value: i / 3 }))

  test('has a line for each series, and says why there is none', () => {
    const answers = [
      answer({ series: series(2) }),
      answer({ panel: 'Drops' }),
      answer({ panel: 'Pool', need: needOf({ ...query, kind: 'annotation' }) }),
    ]
    const text = panelTable(answers, '2026-01-01T00:00:00Z')
    expect(text).toContain('| Skew A | replica=ws-2 | 0.3333 |')
    expect(text).toContain('| Drops A |  | NO DATA |')
    expect(text).toMatch(/\| Pool A \| {2}\| no data: shows only while it happens/)
    expect(summary(answers)).toBe('3 panels; 1 of 3 queries of panels and annotations had data.')
  })

  test('counts what is too much to show', () => {
    expect(panelTable([answer({ series: series(20) })], '')).toContain('| Skew A | and 12 more |  |')
  })
})
