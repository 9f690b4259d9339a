/**
 * Panels as this lab wants them. The Foundation SDK leaves out what Grafana's editor would fill in: refIds (two targets
 * collide), the statistics of single values (nothing is shown) and the legend (hidden). That is put right here, once.
 */
import {
  LegendDisplayMode,
  LegendPlacement,
  ReduceDataOptionsBuilder,
  SortOrder,
  TooltipDisplayMode,
  VisibilityMode,
  VizLegendOptionsBuilder,
  VizTooltipOptionsBuilder,
} from '@grafana/grafana-foundation-sdk/common'
import type { DynamicConfigValue, Panel } from '@grafana/grafana-foundation-sdk/dashboard'
import { FieldColorModeId, ThresholdsConfigBuilder, type ThresholdsMode } from '@grafana/grafana-foundation-sdk/dashboard'
import { PanelBuilder as GaugeBuilder } from '@grafana/grafana-foundation-sdk/gauge'
import { DataqueryBuilder } from '@grafana/grafana-foundation-sdk/prometheus'
import { PanelBuilder as StateTimelineBuilder } from '@grafana/grafana-foundation-sdk/statetimeline'
import { PanelBuilder as TextBuilder, TextMode } from '@grafana/grafana-foundation-sdk/text'
import { PanelBuilder as GraphBuilder } from '@grafana/grafana-foundation-sdk/timeseries'

export type { GraphBuilder }

/** What every panel with data must say. */
export interface About {
  title: string
  description: string
  /** A unit constant of the SDK. */
  unit: string
  /** Shown in place of a panel without data: why, and what to do. */
  noValue: string
  /** Columns of the 24 that a line has. */
  width: number
}

/** One query and the name of its series; `{{label}}` is replaced by the label's value. */
export interface Target {
  expr: string
  legend: string
}

/** The data source that the dashboard's variable selects. */
export const selectedDatasource = { type: 'prometheus', uid: '$datasource' } as const

/** Rows of the grid that a panel with data is high. */
const panelHeight = 8

/** Lines over time. `adjust` adds what is special about this one. */
export function graph(about: About, targets: Target[], adjust: (panel: GraphBuilder) => unknown = () => {}): Panel {
  const panel = new GraphBuilder()
    .legend(shownLegend())
    .tooltip(new VizTooltipOptionsBuilder().mode(TooltipDisplayMode.Multi).sort(SortOrder.Descending))
    .lineWidth(2)
    .fillOpacity(10)
    .showPoints(VisibilityMode.Never)
    .min(0)
  adjust(panel)
  return finish(panel, about, targets)
}

/** Dials, one per series, with the newest value. */
export function gauge(about: About, targets: Target[], adjust: (panel: GaugeBuilder) => unknown = () => {}): Panel {
  const panel = new GaugeBuilder().reduceOptions(new ReduceDataOptionsBuilder().calcs(['lastNotNull']).values(false)).min(0)
  adjust(panel)
  return finish(panel, about, targets)
}

/** One bar per series, coloured by state. */
export function stateTimeline(about: About, targets: Target[], adjust: (panel: StateTimelineBuilder) => unknown = () => {}): Panel {
  const panel = new StateTimelineBuilder().legend(shownLegend()).mergeValues(true).showValue(VisibilityMode.Auto).rowHeight(0.8)
  adjust(panel)
  return finish(panel, about, targets)
}

/** Markdown over the full width. */
export function text(title: string, markdown: string, height: number): Panel {
  const panel = new TextBuilder().title(title).mode(TextMode.Markdown).content(markdown).gridPos({ x: 0, y: 0, w: 24, h: height })
  return panel.build()
}

/** Colours of values from a number on; `undefined` is the colour below the first. In the panel's unit, or in percent of its maximum. */
export function thresholds(mode: ThresholdsMode, steps: { from?: number; color: string }[]): ThresholdsConfigBuilder {
  return new ThresholdsConfigBuilder().mode(mode).steps(steps.map(({ from, color }) => ({ value: from ?? null, color })))
}

/** Override: one colour for a series, whatever else is drawn. */
export function fixedColor(color: string): DynamicConfigValue {
  return { id: 'color', value: { mode: FieldColorModeId.Fixed, fixedColor: color } }
}

/** Override: a thick line without area, for a total above its parts. */
export function totalLine(color: string): DynamicConfigValue[] {
  return [
    fixedColor(color),
    { id: 'custom.lineWidth', value: 3 },
    { id: 'custom.fillOpacity', value: 0 },
    { id: 'custom.stacking', value: { mode: 'none', group: 'A' } },
  ]
}

function shownLegend(): VizLegendOptionsBuilder {
  return new VizLegendOptionsBuilder().displayMode(LegendDisplayMode.List).placement(LegendPlacement.Bottom).showLegend(true).calcs([])
}

function finish(panel: GraphBuilder | GaugeBuilder | StateTimelineBuilder, about: About, targets: Target[]): Panel {
  return panel
    .title(about.title)
    .description(about.description)
    .unit(about.unit)
    .noValue(about.noValue)
    .datasource(selectedDatasource)
    .gridPos({ x: 0, y: 0, w: about.width, h: panelHeight })
    .targets(targets.map(query))
    .build()
}

function query({ expr, legend }: Target, index: number): DataqueryBuilder {
  const refId = String.fromCharCode('A'.charCodeAt(0) + index)
  return new DataqueryBuilder().refId(refId).datasource(selectedDatasource).expr(expr).legendFormat(legend).range()
}
