/**
 * Creates panels with the lab's default settings. The Foundation SDK omits some settings that Grafana's editor adds: refIds (without them,
 * queries collide), the calculation of single values (without it, nothing is shown) and the legend (hidden by default). This module adds
 * the settings that the Foundation SDK omits.
 */
import {
  AxisPlacement,
  BigValueColorMode,
  BigValueGraphMode,
  BigValueTextMode,
  LegendDisplayMode,
  LegendPlacement,
  ReduceDataOptionsBuilder,
  SortOrder,
  TooltipDisplayMode,
  VisibilityMode,
  VizLegendOptionsBuilder,
  VizTextDisplayOptionsBuilder,
  VizTooltipOptionsBuilder,
} from '@grafana/grafana-foundation-sdk/common'
import type { DynamicConfigValue, Panel } from '@grafana/grafana-foundation-sdk/dashboard'
import {
  FieldColorBuilder,
  FieldColorModeId,
  ThresholdsConfigBuilder,
  type ThresholdsMode,
} from '@grafana/grafana-foundation-sdk/dashboard'
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
import * as units from '@grafana/grafana-foundation-sdk/units'
import { services } from '@lab/contract/endpoints.ts'
import { replicaLabel } from '@lab/contract/metrics.ts'
import { replicaColors } from './colors.ts'

export type { GraphBuilder, StatBuilder, StateTimelineBuilder }

/** The settings that every panel with data requires. */
export interface About {
  title: string
  description: string
  /** A unit constant from the Foundation SDK. */
  unit: string
  /**
   * Why the panel may have no data, and what to do. Only a panel with a single value shows this text in place of its data. Other panels add
   * it to their description, because Grafana shows a panel's `noValue` setting also in place of each missing value: in empty table cells, in
   * tooltips, and as an additional state of a state timeline.
   */
  noValue: string
  /** Panel width, in columns of the 24-column grid. */
  width: number
  /** Panel height, in grid rows; `panelHeight` by default. */
  height?: number
}

/** A query and the legend of its series, in which `{{label}}` stands for the value of that label. */
export interface Target {
  expr: string
  legend: string
  /** Whether to show exemplars, which link to traces. Only queries over a single histogram have exemplars. */
  exemplar?: boolean
  /** The scrape interval of the queried metrics, if it is not that of the data source; Grafana derives the rate interval from it. */
  interval?: string
}

/** The data source that is selected by a dashboard variable. */
export const selectedDatasource = { type: 'prometheus', uid: '$datasource' } as const

/** Height of a panel with data, in grid rows. */
export const panelHeight = 8

/** Returns a time series panel. `adjust` changes additional panel settings. */
export function graph(about: About, targets: Target[], adjust: (panel: GraphBuilder) => unknown = () => {}): Panel {
  const panel = new GraphBuilder()
    .legend(hasManySeries(targets) ? tableLegend() : shownLegend())
    .tooltip(new VizTooltipOptionsBuilder().mode(TooltipDisplayMode.Multi).sort(SortOrder.Descending).hideZeros(true))
    .lineWidth(2)
    .fillOpacity(10)
    .showPoints(VisibilityMode.Never)
    .min(0)
  const least = axisAtLeast[about.unit]
  if (least !== undefined) panel.axisSoftMax(least)
  if (targets.some(({ legend }) => legend.includes(`{{${replicaLabel}}}`))) {
    replicaColors.forEach((color, digit) => {
      panel.overrideByRegexp(`(.* )?${services.ws}-\\d*${digit}`, [fixedColor(color)])
    })
  }
  adjust(panel)
  return finish(panel, about, targets)
}

/** Returns a state timeline, with one bar per series, coloured by state. */
export function stateTimeline(about: About, targets: Target[], adjust: (panel: StateTimelineBuilder) => unknown = () => {}): Panel {
  const panel = new StateTimelineBuilder()
    .legend(shownLegend())
    .mergeValues(true)
    .showValue(VisibilityMode.Auto)
    .rowHeight(0.8)
    // The panel's value mappings define the state colours. Grafana's default colour scheme is a continuous gradient, which has no legend.
    .colorScheme(new FieldColorBuilder().mode(FieldColorModeId.Fixed).fixedColor('text'))
  adjust(panel)
  const built = finish(panel, about, targets)
  // The SDK sets a page size, for which Grafana draws a page switch even if there is only one page.
  const { perPage: _, ...options } = built.options as Record<string, unknown>
  return { ...built, options }
}

/** Returns a panel that shows each series' newest value in large type, from an instant query. The values have no colour of their own. */
export function stat(about: About, targets: Target[], adjust: (panel: StatBuilder) => unknown = () => {}): Panel {
  const panel = new StatBuilder()
    .reduceOptions(newest())
    .graphMode(BigValueGraphMode.None)
    .colorMode(BigValueColorMode.Value)
    .noValue(about.noValue)
    // Without a fixed colour, Grafana would draw every value above 80 in red.
    .colorScheme(new FieldColorBuilder().mode(FieldColorModeId.Fixed).fixedColor('text'))
  if (targets.length > 1) panel.textMode(BigValueTextMode.ValueAndName)
  adjust(panel)
  return finish(panel, about, targets, (query) => query.instant())
}

/** Returns a heatmap panel of histogram buckets. The query must return one series for each value of the `le` label. */
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

/**
 * Returns a table panel with one row for each current series. `columns` lists the labels to show as columns, in order, each with its column
 * title.
 */
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
      // In addition to the labels, a query result has the columns Time and Value.
      excludeByName: { Time: true, ...(names.includes('Value') ? {} : { Value: true }) },
      indexByName: Object.fromEntries(names.map((name, index) => [name, index])),
      renameByName: columns,
    },
  })
  adjust(panel)
  return finish(panel, about, [target], (query) => query.format(PromQueryFormat.Table).instant())
}

/** Returns a panel that shows Markdown text. */
export function text(title: string, markdown: string, height: number, width = 24): Panel {
  const panel = new TextBuilder().title(title).mode(TextMode.Markdown).content(markdown).gridPos({ x: 0, y: 0, w: width, h: height })
  return panel.build()
}

/**
 * Returns thresholds. A threshold's colour applies to all values from its `from` upwards; depending on `mode`, `from` is in the panel's
 * unit or a percentage of the panel's maximum. The lowest threshold has no `from`, so its colour applies to all values below the next
 * threshold.
 */
export function thresholds(mode: ThresholdsMode, steps: { from?: number; color: string }[]): ThresholdsConfigBuilder {
  return new ThresholdsConfigBuilder().mode(mode).steps(steps.map(({ from, color }) => ({ value: from ?? null, color })))
}

/** Returns an override that gives a series a fixed colour. */
export function fixedColor(color: string): DynamicConfigValue {
  return { id: 'color', value: { mode: FieldColorModeId.Fixed, fixedColor: color } }
}

/** Returns overrides that draw a total over stacked series as a thick line without a filled area. */
export function totalLine(color: string): DynamicConfigValue[] {
  return [
    fixedColor(color),
    { id: 'custom.lineWidth', value: 3 },
    { id: 'custom.fillOpacity', value: 0 },
    { id: 'custom.stacking', value: { mode: 'none', group: 'A' } },
  ]
}

/** Labels with at most four values, so that a series for each of them needs no table. */
const fewValues = ['direction', 'stage']

/**
 * The smallest upper end of the axis, by unit. Without it, Grafana draws the axis from 0 to 100 while all values are zero. Larger values
 * extend the axis.
 */
const axisAtLeast: Readonly<Record<string, number>> = {
  [units.Short]: 1,
  [units.EventsPerSecond]: 0.2,
  [units.MessagesPerSecond]: 1,
  [units.RequestsPerSecond]: 1,
  [units.OpsPerSecond]: 1,
  [units.PercentUnit]: 0.05,
}

/** Returns whether a panel's queries can return more than four series. */
function hasManySeries(targets: Target[]): boolean {
  const labels = targets.flatMap(({ legend }) => [...legend.matchAll(/\{\{(\w+)\}\}/g)].map(([, label = '']) => label))
  return targets.length > 4 || labels.some((label) => !fewValues.includes(label))
}

/** A table with the newest and the largest value of each series; series with the largest values come first. */
function tableLegend(): VizLegendOptionsBuilder {
  return shownLegend().displayMode(LegendDisplayMode.Table).calcs(['lastNotNull', 'max']).sortBy('Max').sortDesc(true)
}

/** Text sizes for a panel whose values would otherwise touch the panel's edges. */
export function smallValues(): VizTextDisplayOptionsBuilder {
  return new VizTextDisplayOptionsBuilder().titleSize(14).valueSize(28)
}

function shownLegend(): VizLegendOptionsBuilder {
  return new VizLegendOptionsBuilder().displayMode(LegendDisplayMode.List).placement(LegendPlacement.Bottom).showLegend(true).calcs([])
}

function newest(): ReduceDataOptionsBuilder {
  return new ReduceDataOptionsBuilder().calcs(['lastNotNull']).values(false)
}

type AnyBuilder = GraphBuilder | StatBuilder | StateTimelineBuilder | HeatmapBuilder | TableBuilder

/** @param form sets the query type; the default is a range query */
function finish(
  panel: AnyBuilder,
  about: About,
  targets: Target[],
  form: (query: DataqueryBuilder) => DataqueryBuilder = (query) => query.range(),
): Panel {
  return panel
    .title(about.title)
    .description(panel instanceof StatBuilder ? about.description : describedWithoutData(about))
    .unit(about.unit)
    .datasource(selectedDatasource)
    .gridPos({ x: 0, y: 0, w: about.width, h: about.height ?? panelHeight })
    .targets(targets.map((target, index) => form(query(target, index))))
    .build()
}

/** Returns a description that ends with the reason why the panel may have no data. */
export function describedWithoutData({ description, noValue }: Pick<About, 'description' | 'noValue'>): string {
  return `${description} No data? ${noValue}${noValue.endsWith('.') ? '' : '.'}`
}

function query({ expr, legend, exemplar = false, interval }: Target, index: number): DataqueryBuilder {
  const refId = String.fromCharCode('A'.charCodeAt(0) + index)
  const built = new DataqueryBuilder().refId(refId).datasource(selectedDatasource).expr(expr).legendFormat(legend)
  if (interval !== undefined) built.interval(interval)
  return exemplar ? built.exemplar(true) : built
}
