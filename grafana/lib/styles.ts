/** Panel sizes, texts and line styles that several panels share. */

import {
  GraphThresholdsStyleConfigBuilder,
  GraphThresholdsStyleMode,
  StackingConfigBuilder,
  StackingMode,
} from '@grafana/grafana-foundation-sdk/common'
import { ThresholdsMode } from '@grafana/grafana-foundation-sdk/dashboard'
import { severityColors } from './colors.ts'
import { fixedColor, type GraphBuilder, thresholds } from './panels.ts'

/** Width of a panel that takes up a third of a row. */
export const third = 8

/** Width of a panel that takes up half of a row. */
export const half = 12

/** The reason why a panel has no data until shortly after the lab starts. */
export const waiting = 'The first samples arrive about 20 s after a replica starts.'

/** Legend for panels with one series per replica: the replica's name. */
export const perReplica = '{{replica}}'

/** Stacked areas without outlines: the outline of a series of zeros would lie on top of the series below it. */
export function stacked(panel: GraphBuilder): GraphBuilder {
  return panel.stacking(new StackingConfigBuilder().mode(StackingMode.Normal).group('A')).fillOpacity(50).lineWidth(0)
}

/** Assigns fixed colours by series name. */
export function colored(colors: Readonly<Record<string, string>>): (panel: GraphBuilder) => void {
  return (panel) => {
    for (const [name, color] of Object.entries(colors)) panel.overrideByName(name, [fixedColor(color)])
  }
}

/** Assigns fixed colours by the last word or words of a series' name, which begins with the name of an autoscaler. */
export function coloredByEnd(colors: Readonly<Record<string, string>>): (panel: GraphBuilder) => void {
  return (panel) => {
    for (const [end, color] of Object.entries(colors)) panel.overrideByRegexp(`.* ${end}`, [fixedColor(color)])
  }
}

/** Draws a dashed line at the threshold of the panel's alert; the threshold is in the panel's unit. */
export function alertLine(panel: GraphBuilder, from: number): void {
  panel
    .thresholds(thresholds(ThresholdsMode.Absolute, [{ color: 'transparent' }, { from, color: severityColors.critical }]))
    .thresholdsStyle(new GraphThresholdsStyleConfigBuilder().mode(GraphThresholdsStyleMode.Dashed))
}

/** Fills the area between two thin lines. */
export function band(panel: GraphBuilder, above: string, below: string): void {
  const line = [
    fixedColor(severityColors.fine),
    { id: 'custom.lineWidth', value: 1 },
    { id: 'custom.lineStyle', value: { fill: 'dash', dash: [10, 10] } },
  ]
  panel.overrideByName(above, [...line, { id: 'custom.fillBelowTo', value: below }, { id: 'custom.fillOpacity', value: 15 }])
  panel.overrideByName(below, line)
}
