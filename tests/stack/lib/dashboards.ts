/** Every PromQL query of the committed dashboards, ready to be sent to Prometheus as Grafana would send it. */
import { globSync, readFileSync } from 'node:fs'
import { root } from './compose-file.ts'

interface Panel {
  title?: string
  targets?: { expr?: string; refId?: string }[]
  panels?: Panel[]
}

interface Dashboard {
  title: string
  panels: Panel[]
  templating?: { list: { name: string; type: string; allValue?: string }[] }
}

export interface DashboardQuery {
  /** Dashboard, panel and the letter of the query. */
  where: string
  expression: string
}

/** What Grafana puts in place of its own variables, for a panel that shows fifteen minutes. Four scrapes are its shortest rate. */
const grafanaVariables: Record<string, string> = {
  __rate_interval: '20s',
  __interval: '5s',
  __range: '15m',
  __range_s: '900',
  __interval_ms: '5000',
}

export function dashboardQueries(): DashboardQuery[] {
  return globSync(`${root}grafana/provisioning/dashboards/*.json`).flatMap((path) => {
    const dashboard = JSON.parse(readFileSync(path, 'utf8')) as Dashboard
    const all = (dashboard.templating?.list ?? [])
      .filter(({ type }) => type === 'query')
      .map(({ name, allValue }) => [name, allValue ?? '.+'])
    const values: Record<string, string> = { ...grafanaVariables, ...Object.fromEntries(all) }
    const panels = dashboard.panels.flatMap((panel) => [panel, ...(panel.panels ?? [])])
    return panels.flatMap(({ title, targets = [] }) =>
      targets.flatMap(({ expr, refId }) =>
        expr ? [{ where: `${dashboard.title} / ${title} / ${refId}`, expression: withValues(expr, values) }] : [],
      ),
    )
  })
}

function withValues(expression: string, values: Record<string, string>): string {
  return expression.replace(/\$\{?(\w+)(?::\w+)?\}?/g, (written, name: string) => {
    const value = values[name]
    if (value === undefined) throw new Error(`no value for ${written} in ${expression}`)
    return value
  })
}
