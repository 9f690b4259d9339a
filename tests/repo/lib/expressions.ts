/** Every PromQL expression in the repository and where it stands. */
import { allReplicas, queries } from '@lab/contract/queries.ts'
import { ledgerLength, questions } from '../../../cli/src/workshop/questions.ts'
import type { MetricSpec } from '../../../scaler/src/core/types.ts'
import { type MetricMap, queryFor, readMetricMap } from '../../../scaler/src/metric-map.ts'
import { read, readYaml, repoFiles } from './repo-files.ts'

export interface Expression {
  /** Path from the root. */
  file: string
  /** Which one in the file: panel, rule, name or number. */
  what: string
  expr: string
}

export interface Rule {
  alert?: string
  record?: string
  expr: string
  for?: string
  labels?: Record<string, string>
  annotations?: Record<string, string>
}

interface Target {
  expr?: string
  legendFormat?: string
  refId?: string
  format?: string
  datasource?: { type: string; uid: string }
}

/** What is special about some series of a panel. */
export interface Override {
  matcher: { id: string; options: string }
  properties: { id: string; value: unknown }[]
}

export interface DashboardLink {
  title: string
  type: string
  url: string
  keepTime: boolean
  includeVars: boolean
  targetBlank: boolean
}

export interface DashboardPanel {
  id: number
  type: string
  title?: string
  description?: string
  gridPos: { x: number; y: number; w: number; h: number }
  datasource?: { type: string; uid: string }
  targets?: Target[]
  fieldConfig?: { defaults: { unit?: string; noValue?: string; mappings?: { options: object }[]; custom?: object }; overrides: Override[] }
  options?: { legend?: { showLegend?: boolean; show?: boolean }; reduceOptions?: { calcs: string[] }; content?: string }
  transformations?: { id: string; options: Record<string, unknown> }[]
}

export interface DashboardFile {
  uid: string
  title: string
  schemaVersion: number
  editable: boolean
  panels: DashboardPanel[]
  templating: { list: Record<string, unknown>[] }
  links: DashboardLink[]
  annotations: { list: { name: string; expr?: string; datasource: { uid: string } }[] }
}

/** Dashboards that ask Prometheus. */
export const dashboardFiles = repoFiles((path) => /^grafana\/provisioning\/dashboards\/[^/]*\.json$/.test(path))
/** Those that ask Loki. */
export const logDashboardFiles = repoFiles((path) => /^grafana\/provisioning\/dashboards\/logs\/.*\.json$/.test(path))
export const ruleFiles = repoFiles((path) => /^prometheus\/rules\/.*\.rules\.yaml$/.test(path))

export function readDashboard(path: string): DashboardFile {
  return JSON.parse(read(path)) as DashboardFile
}

/** The rules of one file, all groups. */
export function readRules(path: string): Rule[] {
  return readYaml<{ groups: { rules: Rule[] }[] }>(path).groups.flatMap(({ rules }) => rules)
}

/** What the scaler asks Prometheus, for each metric that an autoscaler may name. */
export const metricMapFile = 'scaler/metrics.yaml'

/** All of them: rules, dashboards, shared queries, the scaler's, the workshop's questions, and fenced blocks of documents. */
export function allExpressions(): Expression[] {
  return [
    ...ruleFiles.flatMap(ruleExpressions),
    ...dashboardFiles.flatMap((file) => dashboardExpressions(file, readDashboard(file))),
    ...Object.entries(queries(allReplicas)).map(([what, expr]) => ({ file: 'contract/src/queries.ts', what, expr })),
    ...metricMapExpressions(metricMapFile, read(metricMapFile)),
    ...Object.entries(questions).map(([what, { query }]) => ({
      file: 'cli/src/workshop/questions.ts',
      what,
      expr: query.replaceAll(ledgerLength, '1m'),
    })),
    ...repoFiles((path) => path.endsWith('.md')).flatMap(fencedExpressions),
  ]
}

function ruleExpressions(file: string): Expression[] {
  return readRules(file).map(({ alert, record, expr }) => ({ file, what: alert ?? record ?? '', expr: String(expr) }))
}

/** Of panels, annotations and variables; what is asked of Loki is no PromQL and left out. */
export function dashboardExpressions(file: string, { panels, annotations, templating }: DashboardFile): Expression[] {
  const ofPanels = panels.flatMap(({ title = '', targets = [] }) =>
    targets
      .filter(({ datasource }) => datasource?.type !== 'loki')
      .map(({ expr = '', refId }) => ({ file, what: `panel "${title}", query ${refId}`, expr })),
  )
  const ofAnnotations = annotations.list.flatMap(({ name, expr }) =>
    expr === undefined ? [] : [{ file, what: `annotation "${name}"`, expr }],
  )
  const ofVariables = templating.list.flatMap(({ name, query, type }) =>
    type === 'query' ? [{ file, what: `variable ${String(name)}`, expr: selectorOfVariable(String(query)) }] : [],
  )
  return [...ofPanels, ...ofAnnotations, ...ofVariables]
}

/** `label_values(selector, label)` is not PromQL, but made of two pieces of it. */
function selectorOfVariable(query: string): string {
  const [, selector, label] = /^label_values\((.*),\s*(\w+)\)$/.exec(query) ?? []
  return selector === undefined ? query : `count by (${label}) (${selector})`
}

/** Of a mapping file, as the scaler would send them. @throws Error when the scaler would not take the file */
export function metricMapExpressions(file: string, text: string): Expression[] {
  const result = readMetricMap(text, file)
  if ('problems' in result) throw new Error(result.problems.join('\n'))
  const { map } = result
  const { draining, recorded, resource } = map
  return [
    { file, what: 'draining', expr: draining },
    ...Object.entries(recorded).map(([name, expr]) => ({ file, what: `recorded ${name}`, expr })),
    ...resource.map(({ name, timeQuery }) => ({ file, what: `time of ${name}`, expr: timeQuery })),
    ...metricsOf(map).map((metric) => ({ file, ...filledIn(map, metric) })),
  ]
}

/** One metric for each rule, with a selector and an object: their values are anything, and no query may break by them. */
function metricsOf(map: MetricMap): MetricSpec[] {
  const target = { type: 'Value' }
  const metric = (name: string) => ({ name, selector: { matchLabels: { instance: 'any' } } })
  return [
    ...map.resource.map(({ name }): MetricSpec => ({ type: 'Resource', name, target })),
    ...map.pods.map(({ name }): MetricSpec => ({ type: 'Pods', metric: metric(name), target })),
    ...map.object.map(
      ({ name }): MetricSpec => ({ type: 'Object', metric: metric(name), describedObject: { kind: 'Service', name: 'ws' }, target }),
    ),
    ...map.external.map(({ name }): MetricSpec => ({ type: 'External', metric: metric(name), target })),
  ]
}

function filledIn(map: MetricMap, metric: MetricSpec): { what: string; expr: string } {
  const name = 'metric' in metric ? metric.metric.name : metric.name
  const result = queryFor(map, metric)
  if ('error' in result) throw new Error(result.error)
  return { what: `${metric.type} ${name}`, expr: result.query }
}

function fencedExpressions(file: string): Expression[] {
  return [...read(file).matchAll(/```promql\n([\s\S]*?)```/g)].map(([, expr = ''], index) => ({
    file,
    what: `block ${index + 1}`,
    expr: expr.trim(),
  }))
}
