import * as units from '@grafana/grafana-foundation-sdk/units'
import { describe, expect, test } from 'vitest'
import { dashboard, type Line, render } from './dashboards.ts'
import { graph, heatmap, stat, stateTimeline, table, text } from './panels.ts'
import { numberVariable } from './variables.ts'

const about = { uid: 'test', title: 'Test', description: 'A test.', tags: [] }
const panel = (title: string, width: number) =>
  graph({ title, description: 'A line.', unit: units.Short, noValue: 'none', width }, [
    { expr: 'up', legend: 'one' },
    { expr: 'up', legend: 'two' },
  ])
const built = (...lines: Line[]) => dashboard(about, [{ title: 'Row', lines }])

describe('dashboard', () => {
  test('numbers panels and places them line by line', () => {
    const { panels = [] } = built([panel('a', 8), panel('b', 16)], [panel('c', 24)])
    expect(panels.map(({ id, gridPos }) => [id, gridPos?.x, gridPos?.y, gridPos?.w])).toEqual([
      [1, 0, 0, 24],
      [2, 0, 1, 8],
      [3, 8, 1, 16],
      [4, 0, 9, 24],
    ])
  })

  test('rejects a line that does not fill the grid', () => {
    expect(() => built([panel('a', 8), panel('b', 8)])).toThrow('Panels a, b: widths add up to 16, allowed is exactly 24.')
  })

  test('rejects panels of different heights in one line', () => {
    const note = text('note', 'x', 3)
    const half = { ...note, gridPos: { x: 0, y: 0, w: 12, h: 3 } }
    expect(() => built([panel('a', 12), half])).toThrow('Panels a, note: heights are 8, 3, allowed is one.')
  })

  test('is rendered identically for any order of keys', () => {
    const one = built([panel('a', 24)])
    expect(render(Object.fromEntries(Object.entries(one).reverse()) as unknown as typeof one)).toBe(render(one))
  })
})

describe('panels', () => {
  test('give each query a unique refId', () => {
    expect(panel('a', 8).targets?.map((target) => (target as unknown as { refId: string }).refId)).toEqual(['A', 'B'])
  })

  test('show a legend or the newest value', () => {
    expect(panel('a', 8).options.legend).toMatchObject({ showLegend: true, displayMode: 'list' })
    expect(stat(short, [{ expr: 'up', legend: 'up' }]).options.reduceOptions.calcs).toEqual(['lastNotNull'])
  })

  test('show a table with the last and the largest value if there can be more than four series', () => {
    const table = { displayMode: 'table', calcs: ['lastNotNull', 'max'] }
    expect(graph(short, [{ expr: 'up', legend: '{{replica}}' }]).options.legend).toMatchObject(table)
    expect(graph(short, [{ expr: 'up', legend: '{{direction}}' }]).options.legend).toMatchObject({ displayMode: 'list' })
    const five = Array.from({ length: 5 }, (_, i) => ({ expr: 'up', legend: String(i) }))
    expect(graph(short, five).options.legend).toMatchObject(table)
  })

  test('show the reason for missing data in place of a single value, and otherwise in the description', () => {
    const single = stat({ ...short, noValue: 'No load runs' }, [{ expr: 'up', legend: 'up' }])
    expect(single).toMatchObject({ description: 'D.', fieldConfig: { defaults: { noValue: 'No load runs' } } })
    const bars = stateTimeline({ ...short, noValue: 'No load runs' }, [{ expr: 'up', legend: 'up' }])
    expect(bars.description).toBe('D. No data? No load runs.')
    expect(bars.fieldConfig?.defaults).not.toHaveProperty('noValue')
  })

  test('have no page switch', () => {
    expect(stateTimeline(short, [{ expr: 'up', legend: 'up' }]).options).not.toHaveProperty('perPage')
  })

  const queriesOf = (built: ReturnType<typeof graph>) => built.targets?.map((target) => target as unknown as Record<string, unknown>) ?? []
  const short = { title: 't', description: 'D.', unit: units.Short, noValue: 'none', width: 8 }

  test('query buckets in the format of a heatmap', () => {
    expect(queriesOf(heatmap(short, 'up'))).toMatchObject([{ format: 'heatmap', legendFormat: '{{le}}', range: true }])
    expect(queriesOf(heatmap(short, 'up', true))).toMatchObject([{ exemplar: true }])
  })

  test('use an instant query for a single value', () => {
    const single = { expr: 'up', legend: 'up' }
    expect(queriesOf(stat(short, [single]))).toMatchObject([{ instant: true, range: false }])
    expect(queriesOf(table(short, single, { job: 'Job' }))).toMatchObject([{ format: 'table', instant: true, range: false }])
  })

  test('show the named columns of a table in the given order', () => {
    const [organize] = table(short, { expr: 'up', legend: 'up' }, { job: 'Job', Value: 'Up' }).transformations ?? []
    expect(organize?.options).toEqual({
      excludeByName: { Time: true },
      indexByName: { job: 0, Value: 1 },
      renameByName: { job: 'Job', Value: 'Up' },
    })
  })
})

describe('variables and annotations of a dashboard', () => {
  const extras = {
    variables: [numberVariable('price', 'Price', 0.5)],
    marks: [{ name: 'Start', expr: 'up', color: 'blue', text: 'up', valueIsTime: true }],
  }

  test('contain an editable number, and annotations whose values are their times', () => {
    const { templating, annotations } = dashboard(about, [{ lines: [[panel('a', 24)]] }], extras)
    expect(templating?.list?.at(-1)).toMatchObject({ type: 'textbox', name: 'price', query: '0.5', current: { value: '0.5' } })
    expect(annotations?.list?.at(-1)).toMatchObject({ name: 'Start', useValueForTime: true })
  })
})
