/** Every PromQL query of the committed dashboards, ready to be sent to Prometheus as Grafana would send it. */
import { globSync, readFileSync } from 'node:fs'
import { join } from 'node:path'

interface Target {
  expr?: string
  refId?: string
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
  /** Title of the panel; of marks over all graphs, their name. */
  panel: string
  kind: 'panel' | 'annotation'
  /** Letter of the query within its panel. */
  refId: string
  expression: string
}

const folder = join(import.meta.dirname, '..', '..', 'grafana', 'provisioning', 'dashboards')

/** What Grafana puts in place of its own variables, for a panel that shows fifteen minutes. Four scrapes are its shortest rate. */
const grafanaVariables: Record<string, string> = {
  __rate_interval: '20s',
  __interval: '5s',
  __range: '15m',
  __range_s: '900',
  __interval_ms: '5000',
}

/** Of panels and annotations, page by page. */
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
  const one = (kind: PanelQuery['kind'], panel: string, { expr, refId = 'A' }: Target): PanelQuery[] =>
    expr === undefined ? [] : [{ page, panel, kind, refId, expression: withValues(expr, values) }]
  return [
    ...panels.flatMap(({ title = '', targets = [] }) => targets.flatMap((target) => one('panel', title, target))),
    ...(annotations?.list ?? []).flatMap(({ name, expr }) => one('annotation', name, { ...(expr !== undefined && { expr }) })),
  ]
}

/** @throws Error for a variable without a value: the query would be asked with its name in it */
function withValues(expression: string, values: Record<string, string>): string {
  // Only in braces may a name be followed by a format: `$__range:15s` is a range and a step.
  return expression.replaceAll(/\$(\w+)|\$\{(\w+)(?::\w+)?\}/g, (written, plain?: string, inBraces?: string) => {
    const value = values[plain ?? inBraces ?? '']
    if (value === undefined) throw new Error(`no value for ${written} in ${expression}`)
    return value
  })
}
