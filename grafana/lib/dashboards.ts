/**
 * Builds dashboards: assigns panel ids and grid positions, and adds variables and annotations. The Foundation SDK assigns no panel ids,
 * lets rows exceed the grid's 24 columns, and writes the settings of all variable kinds into every variable. This module assigns panel ids,
 * checks row widths, and removes superfluous variable settings.
 */
import type { Dashboard, DashboardLink, Panel, RowPanel, VariableModel } from '@grafana/grafana-foundation-sdk/dashboard'
import {
  DashboardBuilder,
  DashboardCursorSync,
  DashboardLinkBuilder,
  DashboardLinkType,
  RowBuilder,
} from '@grafana/grafana-foundation-sdk/dashboard'
import { annotations, type Mark } from './annotations.ts'
import { commonVariables } from './variables.ts'

/** Number of columns in Grafana's dashboard grid. */
const gridColumns = 24

/** A busy machine needs more than 5 s to answer all queries of a page, and a refresh cancels the queries that are still running. */
const refreshEvery = '10s'
/** Over a range of hours, Grafana draws less than one point per minute. */
const refreshLongRangeEvery = '1m'

/** A line of side-by-side panels, whose widths must add up to the grid width. */
export type Line = Panel[]

/** A group of panels. Panels in a row without a title are placed at the top of the dashboard. */
export interface Row {
  title?: string
  lines: Line[]
}

export interface DashboardAbout {
  uid: string
  title: string
  description: string
  tags: string[]
  /** The time range that the dashboard shows at first; the last 15 minutes by default. */
  range?: string
}

/** Settings of a dashboard. */
export interface Extras {
  marks?: Mark[]
  /** Variables of this dashboard, in addition to those that every dashboard has. */
  variables?: VariableModel[]
  links?: DashboardLink[]
}

/**
 * Returns the Grafana model of a dashboard.
 * @throws Error when a row of panels does not fill the grid exactly
 */
export function dashboard(about: DashboardAbout, rows: Row[], { marks = [], variables = [], links = [] }: Extras = {}): Dashboard {
  const built = new DashboardBuilder(about.title)
    .uid(about.uid)
    .description(about.description)
    .tags(about.tags)
    .readonly()
    .tooltip(DashboardCursorSync.Crosshair)
    .time({ from: `now-${about.range ?? '15m'}`, to: 'now' })
    .refresh(about.range === undefined ? refreshEvery : refreshLongRangeEvery)
    .timezone('browser')
    .build()
  built.panels = placed(rows)
  built.templating = { list: [...commonVariables(), ...variables] }
  built.annotations = { list: annotations(marks) }
  built.links = links
  return built
}

/** Returns a dashboard's JSON file. The JSON keys are sorted, so that changes in the SDK's key order do not cause diffs. */
export function render(built: Dashboard): string {
  return `${JSON.stringify(built, sortedKeys, 2)}\n`
}

function sortedKeys(_key: string, value: unknown): unknown {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return value
  return Object.fromEntries(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1)))
}

/** Assigns panel positions and ids, from top to bottom and from left to right. */
function placed(rows: Row[]): (Panel | RowPanel)[] {
  const out: (Panel | RowPanel)[] = []
  let y = 0
  for (const { title, lines } of rows) {
    if (title !== undefined) {
      const row = new RowBuilder(title).id(out.length + 1).build()
      out.push({ ...row, gridPos: { x: 0, y, w: gridColumns, h: 1 } })
      y += 1
    }
    for (const line of lines) {
      const height = lineHeight(line)
      let x = 0
      for (const panel of line) {
        const { w } = size(panel)
        out.push({ ...panel, id: out.length + 1, gridPos: { x, y, w, h: height } })
        x += w
      }
      y += height
    }
  }
  return out
}

function lineHeight(line: Line): number {
  const titles = line.map((panel) => panel.title).join(', ')
  const width = line.reduce((sum, panel) => sum + size(panel).w, 0)
  if (width !== gridColumns) throw new Error(`Panels ${titles}: widths add up to ${width}, allowed is exactly ${gridColumns}.`)
  const heights = new Set(line.map((panel) => size(panel).h))
  const [height] = heights
  if (height === undefined || heights.size > 1) throw new Error(`Panels ${titles}: heights are ${[...heights].join(', ')}, allowed is one.`)
  return height
}

function size(panel: Panel): { w: number; h: number } {
  if (!panel.gridPos) throw new Error(`Panel ${panel.title}: has no size; make it with the functions of panels.ts.`)
  return panel.gridPos
}

/** Returns a menu with links to all dashboards that have a tag; the links preserve the time range and the variables. */
export function pagesMenu(tag: string): DashboardLink {
  const link = new DashboardLinkBuilder('Pages').type(DashboardLinkType.Dashboards).tags([tag]).asDropdown(true).icon('dashboard')
  const { placement: _, ...shown } = link.tooltip('The other pages').keepTime(true).includeVars(true).targetBlank(false).build()
  return shown
}
