/** Generates docs/dashboards.md from the Grafana dashboards. */
import type { Dashboard } from '@grafana/grafana-foundation-sdk/dashboard'
import { headline } from '@lab/grafana/panels/headline.ts'
import { heading, table } from '@lab/host/markdown.ts'

/** Renders the dashboards page as Markdown: every dashboard, with its panels and their descriptions. */
export function dashboardsPage(dashboards: Dashboard[]): string {
  return `${heading('Dashboards', 'grafana/dashboards/')}
This page describes every panel. Grafana opens the first dashboard by default. The menu *Pages*
at the top of each dashboard links to the others, and the links preserve the time range. The annotations, such as the start of a replica or
a decision of the scaler, can be switched off in the menu of controls. To see a panel's query, open the panel in Grafana's Explore view.

${table(
  ['Page', 'Question'],
  dashboards.map(({ title, description }) => [`[${title}](#${anchor(title)})`, description ?? '']),
)}

Every page begins with the same headline numbers:

${table(
  ['Number', 'What it shows'],
  headline().map(({ title, description }) => [title ?? '', description ?? '']),
)}

${dashboards.map(section).join('\n\n')}
`
}

/** Returns the anchor that GitHub generates for a heading. */
function anchor(title: string | undefined): string {
  return (title ?? '')
    .toLowerCase()
    .replaceAll(/[^\w\s-]/g, '')
    .replaceAll(' ', '-')
}

function section({ title, panels = [] }: Dashboard): string {
  let row = ''
  const rows: string[][] = []
  for (const panel of panels) {
    if (panel.type === 'row') row = panel.title ?? ''
    else if ('targets' in panel && panel.targets && panel.gridPos?.y !== 0) rows.push([row, panel.title ?? '', panel.description ?? ''])
  }
  return `## ${title}\n\n${table(['Row', 'Panel', 'What it shows'], rows)}`
}
