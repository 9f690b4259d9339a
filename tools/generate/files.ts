/** Lists all generated files with their contents; main.ts writes these files, and a test compares them with the committed ones. */
import type { Dashboard } from '@grafana/grafana-foundation-sdk/dashboard'
import { allDashboards } from '@lab/grafana/dashboards/all.ts'
import { render } from '@lab/grafana/lib/dashboards.ts'
import { pages } from '@lab/grafana/lib/pages.ts'
import { alertsPage } from './alerts.ts'
import { architecturePage } from './architecture.ts'
import { chaosPage } from './chaos.ts'
import { cliPage } from './cli.ts'
import { closeCodesPage } from './close-codes.ts'
import { configurationPage } from './configuration.ts'
import { dashboardsPage } from './dashboards.ts'
import { deploysPage } from './deploys.ts'
import { kubernetesFiles } from './kubernetes.ts'
import { loadNumbers } from './load-numbers.ts'
import { metricsPage } from './metrics.ts'
import { promisesPage } from './promises.ts'
import { protocolPage, protocolSchema } from './protocol.ts'
import { sloRules } from './slo-rules.ts'

/** The folder from which Grafana loads dashboards, relative to the repository root. */
export const dashboardFolder = 'grafana/provisioning/dashboards'

/**
 * Returns all dashboards by file name. The dashboard with LogQL queries is stored in a separate folder, so that the other dashboards
 * contain only PromQL.
 */
export function dashboards(): ReadonlyMap<string, Dashboard> {
  return new Map(allDashboards().map((dashboard) => [`${dashboard.uid === pages.logs.uid ? 'logs/' : ''}${dashboard.uid}.json`, dashboard]))
}

/** Returns the content of every Kubernetes manifest, by its path relative to the repository root. */
export function manifestFiles(): ReadonlyMap<string, string> {
  return kubernetesFiles([...dashboards().keys()].map((name) => `${dashboardFolder}/${name}`))
}

/** Returns the content of every generated file, by its path relative to the repository root. */
export function generatedFiles(): ReadonlyMap<string, string> {
  const built = dashboards()
  return new Map([
    ...[...built].map(([name, dashboard]): [string, string] => [`${dashboardFolder}/${name}`, render(dashboard)]),
    ...manifestFiles(),
    ['docs/metrics.md', metricsPage()],
    ['docs/alerts.md', alertsPage()],
    ['docs/architecture.md', architecturePage()],
    ['docs/chaos.md', chaosPage()],
    ['docs/cli.md', cliPage()],
    ['docs/close-codes.md', closeCodesPage()],
    ['docs/configuration.md', configurationPage()],
    ['docs/dashboards.md', dashboardsPage([...built.values()])],
    ['docs/deploys.md', deploysPage()],
    ['docs/promises.md', promisesPage()],
    ['docs/protocol.md', protocolPage()],
    ['docs/protocol.schema.json', protocolSchema()],
    ['k6/numbers.json', loadNumbers()],
    ['prometheus/rules/slo.rules.yaml', sloRules()],
  ])
}
