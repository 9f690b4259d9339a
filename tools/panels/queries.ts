/** Extracts every PromQL query from the committed dashboards, with variables replaced as Grafana would replace them. */
import { globSync, readFileSync } from 'node:fs'
import { join } from 'node:path'

interface Target {
  expr?: string
  refId?: string
  interval?: string
}

interface Panel {
  title?: string
  targets?: Target[]
}

interface Dashboard {
  title: string
  panels: Panel[]
  templating?: { list: { name: string; type: string; allValue?: string; query?: unknown }[] }
  annotations?: { list: { name: string; expr?: string }[] }
}

export interface PanelQuery {
  page: string
  /** Title of the panel, or name of the annotation. */
  panel: string
  kind: 'panel' | 'annotation'
  /** The letter that identifies the query within its panel. */
  refId: string
  expression: string
}

const folder = join(import.meta.dirname, '..', '..', 'grafana', 'provisioning', 'dashboards')

/** The values of Grafana's built-in variables for a 15-minute time range. The minimum rate interval is four scrape intervals. */
const grafanaVariables: Record<string, string> = {
  __rate_interval: '20s',
  __interval: '5s',
  __range: '15m',
  __range_s: '900',
  __interval_ms: '5000',
}

/** Returns all panel and annotation queries, dashboard by dashboard. */
export function panelQueries(): PanelQuery[] {
  return globSync(join(folder, '*.json'))
    .sort()
    .flatMap((path) => queriesOf(JSON.parse(readFileSync(path, 'utf8')) as Dashboard))
}

function queriesOf({ title: page, panels, templating, annotations }: Dashboard): PanelQuery[] {
  const chosen = (templating?.list ?? []).flatMap(({ name, type, allValue, query }) =>
    type === 'query' ? [[name, allValue ?? '.+']] : type === 'textbox' ? [[name, String(query)]] : [],
  )
  const values: Record<string, string> = { ...grafanaVariables, ...Object.fromEntries(chosen) }
  const one = (kind: PanelQuery['kind'], panel: string, { expr, refId = 'A', interval }: Target): PanelQuery[] =>
    expr === undefined ? [] : [{ page, panel, kind, refId, expression: withValues(expr, { ...values, ...rateIntervalOf(interval) }) }]
  return [
    ...panels.flatMap(({ title = '', targets = [] }) => targets.flatMap((target) => one('panel', title, target))),
    ...(annotations?.list ?? []).flatMap(({ name, expr }) => one('annotation', name, { ...(expr !== undefined && { expr }) })),
  ]
}

/** Returns the rate interval of a query whose metrics have another scrape interval than the data source. */
function rateIntervalOf(interval?: string): Record<string, string> {
  return interval === undefined ? {} : { __rate_interval: `${4 * Number.parseInt(interval, 10)}s` }
}

/** Replaces variables with their values. @throws Error if a variable has no value */
function withValues(expression: string, values: Record<string, string>): string {
  // A format such as `:csv` can follow a variable only within braces; in `$__range:15s`, the colon introduces the step of a subquery.
  return expression.replaceAll(/\$(\w+)|\$\{(\w+)(?::\w+)?\}/g, (written, plain?: string, inBraces?: string) => {
    const value = values[plain ?? inBraces ?? '']
    if (value === undefined) throw new Error(`no value for ${written} in ${expression}`)
    return value
  })
}
