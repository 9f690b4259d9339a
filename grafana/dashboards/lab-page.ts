/** What all dashboards of the lab have in common: headline numbers, annotations, variables and the menu of pages. */
import type { Dashboard, VariableModel } from '@grafana/grafana-foundation-sdk/dashboard'
import { dashboard, pagesMenu, type Row } from '../lib/dashboards.ts'
import type { Page } from '../lib/pages.ts'
import { hidden } from '../lib/variables.ts'
import { price } from '../panels/cost.ts'
import { headline } from '../panels/headline.ts'
import { marks } from '../panels/marks.ts'

const tag = 'websocket-lab'

/**
 * Returns one of the lab's dashboards.
 * @param variables the variables of this dashboard, in addition to those that all dashboards have
 */
export function labPage({ uid, title, question, range }: Page, rows: Row[], variables: VariableModel[] = []): Dashboard {
  // The headline's cost needs the price on every page. Only pages with panels about the cost show the price.
  const all = variables.includes(price) ? variables : [hidden(price), ...variables]
  const about = { uid, title, description: question, tags: [tag], ...(range !== undefined && { range }) }
  return dashboard(about, [{ lines: [headline()] }, ...rows], { marks, variables: all, links: [pagesMenu(tag)] })
}
