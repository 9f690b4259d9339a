/**
 * Panels as this lab wants them. The Foundation SDK leaves out what Grafana's editor would fill in: refIds (two targets
 * collide), the statistics of single values (nothing is shown) and the legend (hidden). That is put right here, once.
 */
import {
  AxisPlacement,
  BigValueColorMode,
  BigValueGraphMode,
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
import {
  FieldColorBuilder,
  FieldColorModeId,
  ThresholdsConfigBuilder,
  type ThresholdsMode,
} from '@grafana/grafana-foundation-sdk/dashboard'
import { PanelBuilder as GaugeBuilder } from '@grafana/grafana-foundation-sdk/gauge'
import {
  PanelBuilder as HeatmapBuilder,
  HeatmapColorMode,
  HeatmapColorOptionsBuilder,
  HeatmapTooltipBuilder,
  YAxisConfigBuilder,
} from '@grafana/grafana-foundation-sdk/heatmap'
import { DataqueryBuilder, PromQueryFormat } from '@grafana/grafana-foundation-sdk/prometheus'
import { PanelBuilder as StatBuilder } from '@grafana/grafana-foundation-sdk/stat'
import { PanelBuilder as StateTimelineBuilder } from '@grafana/grafana-foundation-sdk/statetimeline'
import { PanelBuilder as TableBuilder } from '@grafana/grafana-foundation-sdk/table'
import { PanelBuilder as TextBuilder, TextMode } from '@grafana/grafana-foundation-sdk/text'
import { PanelBuilder as GraphBuilder } from '@grafana/grafana-foundation-sdk/timeseries'

export type { GraphBuilder, StateTimelineBuilder }

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
  /** Show single observations that were traced, each a way to its trace. For queries of one histogram. */
  exemplar?: boolean
}

/** The data source that the dashboard's variable selects. */
export const selectedDatasource = { type: 'prometheus', uid: '$datasource' } as const

/** Rows of the grid that a panel with data is high. */
export const panelHeight = 8

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
  const panel = new GaugeBuilder().reduceOptions(newest()).min(0)
  adjust(panel)
  return finish(panel, about, targets)
}

/** One bar per series, coloured by state. */
export function stateTimeline(about: About, targets: Target[], adjust: (panel: StateTimelineBuilder) => unknown = () => {}): Panel {
  const panel = new StateTimelineBuilder()
    .legend(shownLegend())
    .mergeValues(true)
    .showValue(VisibilityMode.Auto)
    .rowHeight(0.8)
    // The mappings name the colours. Grafana's own default is a continuous scheme, which has no legend.
    .colorScheme(new FieldColorBuilder().mode(FieldColorModeId.Fixed).fixedColor('text'))
  adjust(panel)
  return finish(panel, about, targets)
}

/** Newest values in large type, one per series. They are asked for once, not along the time shown. */
export function stat(about: About, targets: Target[], adjust: (panel: StatBuilder) => unknown = () => {}): Panel {
  const panel = new StatBuilder().reduceOptions(newest()).graphMode(BigValueGraphMode.None).colorMode(BigValueColorMode.Value)
  adjust(panel)
  return finish(panel, about, targets, (query) => query.instant())
}

/** How many observations fell into each bucket of a histogram, by colour. Expects one series for each `le`. */
export function heatmap(about: About, expr: string, exemplar = false): Panel {
  const panel = new HeatmapBuilder()
    .calculate(false)
    .color(new HeatmapColorOptionsBuilder().mode(HeatmapColorMode.Scheme).scheme('Oranges').steps(64).reverse(false))
    .yAxis(new YAxisConfigBuilder().unit(about.unit).axisPlacement(AxisPlacement.Left))
    .tooltip(new HeatmapTooltipBuilder().mode(TooltipDisplayMode.Single).yHistogram(true).showColorScale(true))
    .exemplarsColor('rgba(255,0,255,0.7)')
    .showValue(VisibilityMode.Never)
    .cellGap(1)
    .showLegend()
  return finish(panel, about, [{ expr, legend: '{{le}}', exemplar }], (target) => target.format(PromQueryFormat.Heatmap).range())
}

/** The newest series as lines of a table: labels are its columns, in the order given, by the name of each column. */
export function table(
  about: About,
  target: Target,
  columns: Record<string, string>,
  adjust: (panel: TableBuilder) => unknown = () => {},
): Panel {
  const names = Object.keys(columns)
  const panel = new TableBuilder().withTransformation({
    id: 'organize',
    options: {
      // Besides the labels there are the time and the value.
      excludeByName: { Time: true, ...(names.includes('Value') ? {} : { Value: true }) },
      indexByName: Object.fromEntries(names.map((name, index) => [name, index])),
      renameByName: columns,
    },
  })
  adjust(panel)
  return finish(panel, about, [target], (query) => query.format(PromQueryFormat.Table).instant())
}

/** Markdown. */
export function text(title: string, markdown: string, height: number, width = 24): Panel {
  const panel = new TextBuilder().title(title).mode(TextMode.Markdown).content(markdown).gridPos({ x: 0, y: 0, w: width, h: height })
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

function newest(): ReduceDataOptionsBuilder {
  return new ReduceDataOptionsBuilder().calcs(['lastNotNull']).values(false)
}

type AnyBuilder = GraphBuilder | GaugeBuilder | StatBuilder | StateTimelineBuilder | HeatmapBuilder | TableBuilder

/** @param form how Grafana asks: as series over time unless something else is given */
function finish(
  panel: AnyBuilder,
  about: About,
  targets: Target[],
  form: (query: DataqueryBuilder) => DataqueryBuilder = (query) => query.range(),
): Panel {
  return panel
    .title(about.title)
    .description(about.description)
    .unit(about.unit)
    .noValue(about.noValue)
    .datasource(selectedDatasource)
    .gridPos({ x: 0, y: 0, w: about.width, h: panelHeight })
    .targets(targets.map((target, index) => form(query(target, index))))
    .build()
}

function query({ expr, legend, exemplar = false }: Target, index: number): DataqueryBuilder {
  const refId = String.fromCharCode('A'.charCodeAt(0) + index)
  const built = new DataqueryBuilder().refId(refId).datasource(selectedDatasource).expr(expr).legendFormat(legend)
  return exemplar ? built.exemplar(true) : built
}
