/** Sizes, texts and line styles that several panels share. */

import {
  GraphThresholdsStyleConfigBuilder,
  GraphThresholdsStyleMode,
  StackingConfigBuilder,
  StackingMode,
} from '@grafana/grafana-foundation-sdk/common'
import { ThresholdsMode } from '@grafana/grafana-foundation-sdk/dashboard'
import { severityColors } from './colors.ts'
import { fixedColor, type GraphBuilder, thresholds } from './panels.ts'

/** Width of one of three panels in a row. */
export const third = 8

/** Width of one of two panels in a row. */
export const half = 12

/** Text of an empty panel that gets data shortly after the lab starts. */
export const waiting = 'Waiting for the first samples: about 20 s after a replica starts.'

/** Legend of a panel with one series per replica: the replica's name. */
export const perReplica = '{{replica}}'

/** Stacked areas. */
export function stacked(panel: GraphBuilder): GraphBuilder {
  return panel.stacking(new StackingConfigBuilder().mode(StackingMode.Normal).group('A')).fillOpacity(30).lineWidth(1)
}

/** Fixed colours by series name. */
export function colored(colors: Readonly<Record<string, string>>): (panel: GraphBuilder) => void {
  return (panel) => {
    for (const [name, color] of Object.entries(colors)) panel.overrideByName(name, [fixedColor(color)])
  }
}

/** Draws a dashed line at the threshold of the alert that concerns this panel, in the unit of the panel. */
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
