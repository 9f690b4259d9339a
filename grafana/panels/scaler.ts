/** The scaler's reasoning: from the metrics over a proposal to the number of replicas. */
import { LineInterpolation } from '@grafana/grafana-foundation-sdk/common'
import type { Panel } from '@grafana/grafana-foundation-sdk/dashboard'
import * as units from '@grafana/grafana-foundation-sdk/units'
import { scalerMetrics } from '@lab/contract/scaler-metrics.ts'
import { type Mark, newForSeconds } from '../lib/annotations.ts'
import { countColors, stageColors } from '../lib/colors.ts'
import { graph } from '../lib/panels.ts'
import { scaler } from '../lib/scopes.ts'
import { band, colored, third } from '../lib/styles.ts'

const { select } = scaler
export const noScaler = 'No scaler runs. Start the lab with it: npm run k8s-sim'
const noMetric = 'The scaler has not read any metric yet, or none runs: npm run k8s-sim'

/** Every change of the count by the scaler, at its time: from how many to how many, and why. */
export const decisions: Mark = {
  name: 'Decisions',
  // Only while it is new: a change of long ago is outside of the graph.
  expr: `${select(scalerMetrics.lastRescale.name)} * 1000 and time() - ${select(scalerMetrics.lastRescale.name)} < ${newForSeconds}`,
  color: countColors.desired,
  text: '{{from}} → {{to}}: {{reason}}',
  valueIsTime: true,
}

/** The replicas there are, those there should be, and the limits. */
export function counts(): Panel {
  return graph(
    {
      title: 'Current and desired replicas',
      description:
        'Is the wish fulfilled? Replicas that count for the scaler, replicas there should be, and the limits of the specification. A decision is marked where desired changes.',
      unit: units.Short,
      noValue: noScaler,
      width: third,
    },
    [
      { expr: `max(${select(scalerMetrics.statusCurrentReplicas.name)})`, legend: 'current' },
      { expr: `max(${select(scalerMetrics.statusDesiredReplicas.name)})`, legend: 'desired' },
      { expr: `max(${select(scalerMetrics.specMinReplicas.name)})`, legend: 'min' },
      { expr: `max(${select(scalerMetrics.specMaxReplicas.name)})`, legend: 'max' },
    ],
    (panel) => {
      panel.decimals(0).lineInterpolation(LineInterpolation.StepAfter).fillOpacity(0)
      const { current, desired, limit } = countColors
      colored({ current, desired, min: limit, max: limit })(panel)
      panel.overrideByRegexp('min|max', [{ id: 'custom.lineStyle', value: { fill: 'dash', dash: [10, 10] } }])
    },
  )
}

/** A proposal's way through windows, policies and limits. */
export function stages(): Panel {
  return graph(
    {
      title: 'From recommendation to decision',
      description:
        'What held the count back? recommended: what the metrics ask for; stabilized: after the windows; policy_limited: after the policies on how many at a time; bounded: within min and max. Where two lines part, that step made the difference.',
      unit: units.Short,
      noValue: noMetric,
      width: third,
    },
    [{ expr: `max by (stage) (${select(scalerMetrics.proposedReplicas.name)})`, legend: '{{stage}}' }],
    (panel) => {
      panel.decimals(0).lineInterpolation(LineInterpolation.StepAfter).fillOpacity(0)
      colored(stageColors)(panel)
    },
  )
}

/** Each metric as a multiple of its target. */
export function metricsAgainstTargets(): Panel {
  const value = select(scalerMetrics.statusTargetMetric.name)
  const target = select(scalerMetrics.specTargetMetric.name)
  const tolerance = (direction: string) => select(scalerMetrics.tolerance.name, `direction="${direction}"`)
  return graph(
    {
      title: 'Metrics against their targets',
      description:
        'Which metric asks for a change? Current value over target, so that 1 is on target. Within the band nothing happens: it is the tolerance, a tenth to either side unless the specification says otherwise. The metric that asks for the most replicas wins.',
      unit: units.Short,
      noValue: noMetric,
      width: third,
    },
    [
      { expr: `max by (metric_name) (${value} / on (metric_name, metric_target_type) ${target})`, legend: '{{metric_name}}' },
      { expr: `1 + max(${tolerance('up')})`, legend: 'tolerated above' },
      { expr: `1 - max(${tolerance('down')})`, legend: 'tolerated below' },
    ],
    (panel) => {
      panel.axisSoftMax(1.5).decimals(2).fillOpacity(0)
      band(panel, 'tolerated above', 'tolerated below')
    },
  )
}

/** Each metric and its target as numbers. */
export function metricValues(): Panel {
  return graph(
    {
      title: 'Metric values and targets',
      description:
        'How far is it to the target? Current value of each metric of the specification, and dashed its target. Utilisation is in percent of the request, averages are per replica.',
      unit: units.Short,
      noValue: noMetric,
      width: third,
    },
    [
      {
        expr: `max by (metric_name, metric_target_type) (${select(scalerMetrics.statusTargetMetric.name)} and on (metric_name, metric_target_type) ${select(scalerMetrics.specTargetMetric.name)})`,
        legend: '{{metric_name}} ({{metric_target_type}})',
      },
      {
        expr: `max by (metric_name, metric_target_type) (${select(scalerMetrics.specTargetMetric.name)})`,
        legend: 'target of {{metric_name}} ({{metric_target_type}})',
      },
    ],
    (panel) =>
      panel.overrideByRegexp('target of .*', [
        { id: 'custom.lineStyle', value: { fill: 'dash', dash: [10, 10] } },
        { id: 'custom.fillOpacity', value: 0 },
      ]),
  )
}

/** From the start of a replica to its being ready. */
export function timeToReady(): Panel {
  return graph(
    {
      title: 'Time to ready',
      description:
        'How soon does a new replica help? From the start of its container to its first being ready, as Docker says; one line for each replica there is.',
      unit: units.Seconds,
      noValue: noScaler,
      width: third,
    },
    [{ expr: `max by (replica) (${select(scalerMetrics.replicaReady.name)})`, legend: '{{replica}}' }],
    (panel) => panel.axisSoftMax(5),
  )
}
