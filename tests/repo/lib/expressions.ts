/** Collects every PromQL expression in the repository, together with its file. */

import { ledgerLength, questions } from '@lab/cli/workshop/questions.ts'
import { allReplicas, queries } from '@lab/contract/queries.ts'
import type { MetricSpec } from '@lab/scaler/core/types.ts'
import { type MetricMap, queryFor, readMetricMap } from '@lab/scaler/metric-map.ts'
import { read, readYaml, repoFiles } from './repo-files.ts'

export interface Expression {
  /** Path of the file that contains the expression, relative to the repository root. */
  file: string
  /** Identifies the expression within its file, by panel, rule, name or number. */
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
  interval?: string
  datasource?: { type: string; uid: string }
}

/** Display settings that replace a Grafana panel's defaults for some of its series. */
export interface Override {
  matcher: { id: string; options: string }
  properties: { id: string; value: unknown }[]
}

export interface DashboardLink {
  title: string
  type: string
  url: string
  tags: string[]
  asDropdown: boolean
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
  fieldConfig?: {
    defaults: {
      unit?: string
      noValue?: string
      mappings?: { options: object }[]
      custom?: { axisSoftMax?: number; lineWidth?: number; stacking?: { mode: string } }
    }
    overrides: Override[]
  }
  options?: {
    legend?: { showLegend?: boolean; show?: boolean; displayMode?: string; calcs?: string[]; sortBy?: string }
    reduceOptions?: { calcs: string[] }
    content?: string
    perPage?: number
  }
  transformations?: { id: string; options: Record<string, unknown> }[]
}

export interface DashboardFile {
  uid: string
  title: string
  tags: string[]
  schemaVersion: number
  editable: boolean
  panels: DashboardPanel[]
  templating: { list: Record<string, unknown>[] }
  links: DashboardLink[]
  refresh: string
  time: { from: string }
  annotations: {
    list: { name: string; expr?: string; iconColor: string; textFormat?: string; placement?: string; datasource: { uid: string } }[]
  }
}

/** Dashboards that query Prometheus. */
export const dashboardFiles = repoFiles((path) => /^grafana\/provisioning\/dashboards\/[^/]*\.json$/.test(path))
/** Dashboards that query Loki. */
export const logDashboardFiles = repoFiles((path) => /^grafana\/provisioning\/dashboards\/logs\/.*\.json$/.test(path))
export const ruleFiles = repoFiles((path) => /^prometheus\/rules\/.*\.rules\.yaml$/.test(path))

export function readDashboard(path: string): DashboardFile {
  return JSON.parse(read(path)) as DashboardFile
}

/** Returns the rules from all groups in one rule file. */
export function readRules(path: string): Rule[] {
  return readYaml<{ groups: { rules: Rule[] }[] }>(path).groups.flatMap(({ rules }) => rules)
}

/** Maps each metric that an HPA can name to the query that the scaler sends for it. */
export const metricMapFile = 'scaler/metrics.yaml'

/** Returns all expressions: from rules, dashboards, shared queries, the scaler, the workshop, and code blocks in documents. */
export function allExpressions(): Expression[] {
  return [
    ...ruleFiles.flatMap(ruleExpressions),
    ...dashboardFiles.flatMap((file) => dashboardExpressions(file, readDashboard(file))),
    ...Object.entries(queries(allReplicas)).map(([what, expr]) => ({ file: 'contract/src/queries.ts', what, expr })),
    ...metricMapExpressions(metricMapFile, read(metricMapFile)),
    ...Object.entries(questions).map(([what, { query }]) => ({
      file: 'tools/cli/src/workshop/questions.ts',
      what,
      expr: query.replaceAll(ledgerLength, '1m'),
    })),
    ...repoFiles((path) => path.endsWith('.md')).flatMap(fencedExpressions),
  ]
}

function ruleExpressions(file: string): Expression[] {
  return readRules(file).map(({ alert, record, expr }) => ({ file, what: alert ?? record ?? '', expr: String(expr) }))
}

/** Returns the expressions in a dashboard's panels, annotations and variables, excluding Loki queries. */
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

/** `label_values(selector, label)` is not PromQL, but its two arguments are parts of PromQL. */
function selectorOfVariable(query: string): string {
  const [, selector, label] = /^label_values\((.*),\s*(\w+)\)$/.exec(query) ?? []
  return selector === undefined ? query : `count by (${label}) (${selector})`
}

/** Returns the queries in a metrics file as the scaler would send them. @throws Error if the file is invalid */
export function metricMapExpressions(file: string, text: string): Expression[] {
  const result = readMetricMap(text, file)
  if (!result.ok) throw new Error(result.problems.join('\n'))
  const map = result.value
  const { draining, recorded, resource } = map
  return [
    { file, what: 'draining', expr: draining },
    ...Object.entries(recorded).map(([name, expr]) => ({ file, what: `recorded ${name}`, expr })),
    ...resource.map(({ name, timeQuery }) => ({ file, what: `time of ${name}`, expr: timeQuery })),
    ...metricsOf(map).map((metric) => ({ file, ...filledIn(map, metric) })),
  ]
}

/**
 * Returns an HPA metric for each rule in a metrics file, with an example selector and an example object as placeholders. The placeholder
 * values are arbitrary, but must not make a query invalid.
 */
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
  if (!result.ok) throw new Error(result.problems.join('\n'))
  return { what: `${metric.type} ${name}`, expr: result.value }
}

function fencedExpressions(file: string): Expression[] {
  return [...read(file).matchAll(/```promql\n([\s\S]*?)```/g)].map(([, expr = ''], index) => ({
    file,
    what: `block ${index + 1}`,
    expr: expr.trim(),
  }))
}
