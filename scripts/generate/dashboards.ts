/** docs/dashboards.md, from the dashboards themselves. */
import type { Dashboard, Panel, RowPanel } from '@grafana/grafana-foundation-sdk/dashboard'
import { heading } from './markdown.ts'

/** The page. */
export function dashboardsPage(dashboards: Dashboard[]): string {
  return `${heading('Dashboards', 'grafana/dashboards/')}
What each panel shows and asks. \`$job\` and \`$instance\` are what is chosen at the top of the dashboard.

${dashboards.map(section).join('\n\n')}
`
}

function section({ title, description, panels }: Dashboard): string {
  return [`## ${title}`, description, ...(panels ?? []).flatMap(entry)].join('\n\n')
}

function entry(panel: Panel | RowPanel): string[] {
  if (panel.type === 'row') return [`### ${panel.title}`]
  if (!('targets' in panel) || !panel.targets) return []
  const queries = (panel.targets as unknown as { expr: string }[]).map(({ expr }) => `\`\`\`promql\n${expr}\n\`\`\``)
  return [`**${panel.title}**: ${panel.description}`, ...queries]
}
