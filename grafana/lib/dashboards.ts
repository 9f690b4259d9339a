/**
 * Whole dashboards: ids, the grid, variables and annotations. The Foundation SDK numbers no panel, lets a line overflow
 * the 24 columns of the grid and gives every variable the settings of all kinds of variables; that is put right here, once.
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
import { allPages, type Page } from './pages.ts'
import { commonVariables } from './variables.ts'

/** Columns of Grafana's grid. */
const gridColumns = 24

/** Panels side by side; their widths add up to the grid. */
export type Line = Panel[]

/** A titled group of panels; without a title it stands at the top. */
export interface Row {
  title?: string
  lines: Line[]
}

export interface DashboardAbout {
  uid: string
  title: string
  description: string
  tags: string[]
}

/** What a dashboard has besides its panels. */
export interface Extras {
  marks?: Mark[]
  /** Beside those that every dashboard has. */
  variables?: VariableModel[]
  links?: DashboardLink[]
}

/** A page of the lab: a dashboard with links to the other pages. */
export function labPage(page: Page, rows: Row[], extras: Omit<Extras, 'links'> = {}): Dashboard {
  const about = { uid: page.uid, title: page.title, description: page.question, tags: ['websocket-lab'] }
  return dashboard(about, rows, { ...extras, links: linksFrom(page) })
}

/**
 * Puts a dashboard together.
 * @throws when a line of panels does not fill the grid exactly
 */
export function dashboard(about: DashboardAbout, rows: Row[], { marks = [], variables = [], links = [] }: Extras = {}): Dashboard {
  const built = new DashboardBuilder(about.title)
    .uid(about.uid)
    .description(about.description)
    .tags(about.tags)
    .readonly()
    .tooltip(DashboardCursorSync.Crosshair)
    .time({ from: 'now-15m', to: 'now' })
    .refresh('5s')
    .timezone('browser')
    .build()
  built.panels = placed(rows)
  built.templating = { list: [...commonVariables(), ...variables] }
  built.annotations = { list: annotations(marks) }
  built.links = links
  return built
}

/** The file that Grafana reads. Keys are sorted, so that a change of the SDK's order is no change of ours. */
export function render(built: Dashboard): string {
  return `${JSON.stringify(built, sortedKeys, 2)}\n`
}

function sortedKeys(_key: string, value: unknown): unknown {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return value
  return Object.fromEntries(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1)))
}

/** Gives every panel its place and number, top to bottom and left to right. */
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

/** To every other page, with the time range and the variables that are chosen here. */
function linksFrom({ uid }: Page): DashboardLink[] {
  return allPages
    .filter((page) => page.uid !== uid)
    .map((page) => {
      const link = new DashboardLinkBuilder(page.name).type(DashboardLinkType.Link).url(`/d/${page.uid}`).tooltip(page.question)
      const { placement: _, ...shown } = link.icon('dashboard').keepTime(true).includeVars(true).targetBlank(false).build()
      return shown
    })
}
