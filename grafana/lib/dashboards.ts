/**
 * Whole dashboards: ids, the grid, variables and annotations. The Foundation SDK numbers no panel, lets a line overflow
 * the 24 columns of the grid and gives every variable the settings of all kinds of variables; that is put right here, once.
 */
import type { AnnotationQuery, Dashboard, Panel, RowPanel, VariableModel } from '@grafana/grafana-foundation-sdk/dashboard'
import {
  AnnotationQueryBuilder,
  DashboardBuilder,
  DashboardCursorSync,
  DatasourceVariableBuilder,
  QueryVariableBuilder,
  RowBuilder,
  VariableRefresh,
  VariableSort,
} from '@grafana/grafana-foundation-sdk/dashboard'
import { grafana } from '@lab/contract/endpoints.ts'
import { metrics } from '@lab/contract/metrics.ts'
import { type QueryScope, queries } from '@lab/contract/queries.ts'
import { selectedDatasource } from './panels.ts'

/** Columns of Grafana's grid. */
const gridColumns = 24

/**
 * What panels look at: the replicas that the variables select. Other jobs have no label `replica`, so that choosing
 * "All" does not count Prometheus among the replicas.
 */
export const panelScope: QueryScope = { selector: 'job=~"$job", instance=~"$instance", replica!=""', window: '$__rate_interval' }

/** Panels side by side; their widths add up to the grid. */
export type Line = Panel[]

/** A titled group of panels; without a title it stands at the top. */
export interface Row {
  title?: string
  lines: Line[]
}

export interface DashboardAbout {
  uid: string
  title: string
  description: string
  tags: string[]
}

/** Marks in time, drawn over every graph. */
export interface Mark {
  name: string
  expr: string
  color: string
  text: string
}

/**
 * Puts a dashboard together.
 * @throws when a line of panels does not fill the grid exactly
 */
export function dashboard(about: DashboardAbout, rows: Row[], marks: Mark[] = []): Dashboard {
  const built = new DashboardBuilder(about.title)
    .uid(about.uid)
    .description(about.description)
    .tags(about.tags)
    .readonly()
    .tooltip(DashboardCursorSync.Crosshair)
    .time({ from: 'now-15m', to: 'now' })
    .refresh('5s')
    .timezone('browser')
    .build()
  built.panels = placed(rows)
  built.templating = { list: variables() }
  built.annotations = { list: [builtInAnnotations(), ...marks.map(annotation)] }
  return built
}

/** The file that Grafana reads. Keys are sorted, so that a change of the SDK's order is no change of ours. */
export function render(built: Dashboard): string {
  return `${JSON.stringify(built, sortedKeys, 2)}\n`
}

function sortedKeys(_key: string, value: unknown): unknown {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return value
  return Object.fromEntries(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1)))
}

/** Gives every panel its place and number, top to bottom and left to right. */
function placed(rows: Row[]): (Panel | RowPanel)[] {
  const out: (Panel | RowPanel)[] = []
  let y = 0
  for (const { title, lines } of rows) {
    if (title !== undefined) {
      const row = new RowBuilder(title).id(out.length + 1).build()
      out.push({ ...row, gridPos: { x: 0, y, w: gridColumns, h: 1 } })
      y += 1
    }
    for (const line of lines) {
      const height = lineHeight(line)
      let x = 0
      for (const panel of line) {
        const { w } = size(panel)
        out.push({ ...panel, id: out.length + 1, gridPos: { x, y, w, h: height } })
        x += w
      }
      y += height
    }
  }
  return out
}

function lineHeight(line: Line): number {
  const titles = line.map((panel) => panel.title).join(', ')
  const width = line.reduce((sum, panel) => sum + size(panel).w, 0)
  if (width !== gridColumns) throw new Error(`Panels ${titles}: widths add up to ${width}, allowed is exactly ${gridColumns}.`)
  const heights = new Set(line.map((panel) => size(panel).h))
  const [height] = heights
  if (height === undefined || heights.size > 1) throw new Error(`Panels ${titles}: heights are ${[...heights].join(', ')}, allowed is one.`)
  return height
}

function size(panel: Panel): { w: number; h: number } {
  if (!panel.gridPos) throw new Error(`Panel ${panel.title}: has no size; make it with the functions of panels.ts.`)
  return panel.gridPos
}

/** The variables that selectors use: data source, job and instance. */
function variables(): VariableModel[] {
  const datasource = new DatasourceVariableBuilder('datasource')
    .label('Data source')
    .type('prometheus')
    .current({ selected: true, text: 'Prometheus', value: grafana.datasourceUid })
    .build()
  const source = metrics.connectionsActive.name
  return [
    only(datasource, ['current', 'hide', 'label', 'name', 'query', 'regex', 'type']),
    labelVariable('job', 'Job', `label_values(${source}, job)`),
    labelVariable('instance', 'Instance', `label_values(${source}{job=~"$job"}, instance)`),
  ]
}

function labelVariable(name: string, label: string, query: string): VariableModel {
  const variable = new QueryVariableBuilder(name)
    .label(label)
    .datasource(selectedDatasource)
    .query(query)
    .definition(query)
    .refresh(VariableRefresh.OnTimeRangeChanged)
    .sort(VariableSort.AlphabeticalAsc)
    .multi(true)
    .includeAll(true)
    .allValue('.+')
    .current({ selected: true, text: 'All', value: '$__all' })
    .build()
  const keys = ['allValue', 'current', 'datasource', 'definition', 'hide', 'includeAll', 'label', 'multi', 'name', 'query', 'refresh']
  return only(variable, [...keys, 'regex', 'sort', 'type'])
}

/** Keeps what a kind of variable has; the SDK writes the keys of all kinds. */
function only(variable: VariableModel, keys: string[]): VariableModel {
  return Object.fromEntries(Object.entries(variable).filter(([key]) => keys.includes(key))) as unknown as VariableModel
}

/** Grafana's own entry, which its editor adds to every dashboard. */
function builtInAnnotations(): AnnotationQuery {
  const entry = new AnnotationQueryBuilder()
    .name('Annotations & Alerts')
    .datasource({ type: 'grafana', uid: '-- Grafana --' })
    .builtIn(1)
    .type('dashboard')
    .enable(true)
    .hide(true)
    .iconColor('rgba(0, 211, 255, 1)')
    .build()
  return visible(entry)
}

function annotation({ name, expr, color, text }: Mark): AnnotationQuery {
  const entry = new AnnotationQueryBuilder()
    .name(name)
    .datasource(selectedDatasource)
    .enable(true)
    .iconColor(color)
    .expr(expr)
    .step('5s')
    .titleFormat(text)
    .build()
  return visible(entry)
}

/** The SDK tucks the switch of each annotation away in a menu. */
function visible({ placement: _, ...entry }: AnnotationQuery): AnnotationQuery {
  return entry
}

/** The shared queries for panels. */
export const panelQueries = queries(panelScope)
