/** What is generated, and from what. Nothing is written here: the script writes, the test compares. */
import type { Dashboard } from '@grafana/grafana-foundation-sdk/dashboard'
import { allDashboards } from '../../grafana/dashboards/all.ts'
import { render } from '../../grafana/lib/dashboards.ts'
import { pages } from '../../grafana/lib/pages.ts'
import { alertsPage } from './alerts.ts'
import { architecturePage } from './architecture.ts'
import { cliPage } from './cli.ts'
import { closeCodesPage } from './close-codes.ts'
import { configurationPage } from './configuration.ts'
import { dashboardsPage } from './dashboards.ts'
import { metricsPage } from './metrics.ts'
import { protocolPage, protocolSchema } from './protocol.ts'
import { sloRules } from './slo-rules.ts'

/** Folder of the dashboards that Grafana reads, from the root. */
export const dashboardFolder = 'grafana/provisioning/dashboards'

/** Every dashboard by the name of its file. The one that asks Loki stands apart: whoever reads the others may take every query for PromQL. */
export function dashboards(): ReadonlyMap<string, Dashboard> {
  return new Map(allDashboards().map((dashboard) => [`${dashboard.uid === pages.logs.uid ? 'logs/' : ''}${dashboard.uid}.json`, dashboard]))
}

/** Every generated file: path from the root, and what it must hold. */
export function generatedFiles(): ReadonlyMap<string, string> {
  const built = dashboards()
  return new Map([
    ...[...built].map(([name, dashboard]): [string, string] => [`${dashboardFolder}/${name}`, render(dashboard)]),
    ['docs/metrics.md', metricsPage()],
    ['docs/alerts.md', alertsPage()],
    ['docs/architecture.md', architecturePage()],
    ['docs/cli.md', cliPage()],
    ['docs/close-codes.md', closeCodesPage()],
    ['docs/configuration.md', configurationPage()],
    ['docs/dashboards.md', dashboardsPage([...built.values()])],
    ['docs/protocol.md', protocolPage()],
    ['docs/protocol.schema.json', protocolSchema()],
    ['prometheus/rules/slo.rules.yaml', sloRules()],
  ])
}
