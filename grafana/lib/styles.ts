/** What several panels have in common: sizes, texts and the looks of their lines. */

import {
  GraphThresholdsStyleConfigBuilder,
  GraphThresholdsStyleMode,
  StackingConfigBuilder,
  StackingMode,
} from '@grafana/grafana-foundation-sdk/common'
import { ThresholdsMode } from '@grafana/grafana-foundation-sdk/dashboard'
import { severityColors } from './colors.ts'
import { fixedColor, type GraphBuilder, thresholds } from './panels.ts'

/** Width of a panel when three share a line. */
export const third = 8

/** Width of a panel when two share a line. */
export const half = 12

/** What a panel without data says: after a start it only needs a moment. */
export const waiting = 'Waiting for the first samples: about 20 s after a replica starts.'

/** Name of a series in a legend: replicas are told apart by their label. */
export const perReplica = '{{replica}}'

/** Areas on top of each other. */
export function stacked(panel: GraphBuilder): GraphBuilder {
  return panel.stacking(new StackingConfigBuilder().mode(StackingMode.Normal).group('A')).fillOpacity(30).lineWidth(1)
}

/** One colour per series name. */
export function colored(colors: Readonly<Record<string, string>>): (panel: GraphBuilder) => void {
  return (panel) => {
    for (const [name, color] of Object.entries(colors)) panel.overrideByName(name, [fixedColor(color)])
  }
}

/** A dashed line where the alert of the same quantity begins. In the panel's unit. */
export function alertLine(panel: GraphBuilder, from: number): void {
  panel
    .thresholds(thresholds(ThresholdsMode.Absolute, [{ color: 'transparent' }, { from, color: severityColors.critical }]))
    .thresholdsStyle(new GraphThresholdsStyleConfigBuilder().mode(GraphThresholdsStyleMode.Dashed))
}

/** Fills the space between two lines, which themselves are hardly there. */
export function band(panel: GraphBuilder, above: string, below: string): void {
  const line = [
    fixedColor(severityColors.fine),
    { id: 'custom.lineWidth', value: 1 },
    { id: 'custom.lineStyle', value: { fill: 'dash', dash: [10, 10] } },
  ]
  panel.overrideByName(above, [...line, { id: 'custom.fillBelowTo', value: below }, { id: 'custom.fillOpacity', value: 15 }])
  panel.overrideByName(below, line)
}
