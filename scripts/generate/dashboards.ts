/** docs/dashboards.md, from the dashboards themselves. */
import type { Dashboard, Panel, RowPanel } from '@grafana/grafana-foundation-sdk/dashboard'
import { heading, table } from './markdown.ts'

/** The page. */
export function dashboardsPage(dashboards: Dashboard[]): string {
  return `${heading('Dashboards', 'grafana/dashboards/')}
What each panel answers, and what it asks Prometheus for it. Grafana opens the first page; each leads to the others and keeps
the time range. \`$job\`, \`$instance\` and \`$price\` are what is chosen at the top of a page.

${table(
  ['Page', 'Question'],
  dashboards.map(({ title, description }) => [`[${title}](#${anchor(title)})`, description ?? '']),
)}

${dashboards.map(section).join('\n\n')}
`
}

/** What GitHub makes of a heading. */
function anchor(title: string | undefined): string {
  return (title ?? '')
    .toLowerCase()
    .replaceAll(/[^\w\s-]/g, '')
    .replaceAll(' ', '-')
}

function section({ title, description, panels }: Dashboard): string {
  return [`## ${title}`, description, ...(panels ?? []).flatMap(entry)].join('\n\n')
}

function entry(panel: Panel | RowPanel): string[] {
  if (panel.type === 'row') return [`### ${panel.title}`]
  if (!('targets' in panel) || !panel.targets) return []
  const language = panel.datasource?.type === 'loki' ? 'logql' : 'promql'
  const queries = (panel.targets as unknown as { expr: string }[]).map(({ expr }) => `\`\`\`${language}\n${expr}\n\`\`\``)
  return [`**${panel.title}**: ${panel.description}`, ...queries]
}
