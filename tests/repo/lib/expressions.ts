/** Every PromQL expression in the repository and where it stands. */
import { allReplicas, queries } from '@lab/contract/queries.ts'
import { ledgerLength, questions } from '../../../cli/src/workshop/questions.ts'
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

/** All of them: rules, dashboards, shared queries, the workshop's questions, and fenced blocks of documents. */
export function allExpressions(): Expression[] {
  return [
    ...ruleFiles.flatMap(ruleExpressions),
    ...dashboardFiles.flatMap((file) => dashboardExpressions(file, readDashboard(file))),
    ...Object.entries(queries(allReplicas)).map(([what, expr]) => ({ file: 'contract/src/queries.ts', what, expr })),
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

function fencedExpressions(file: string): Expression[] {
  return [...read(file).matchAll(/```promql\n([\s\S]*?)```/g)].map(([, expr = ''], index) => ({
    file,
    what: `block ${index + 1}`,
    expr: expr.trim(),
  }))
}
