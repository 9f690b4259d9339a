/** Panels about the scaler's decisions: metrics, proposals and the number of replicas. */
import { AxisPlacement, LineInterpolation } from '@grafana/grafana-foundation-sdk/common'
import type { Panel } from '@grafana/grafana-foundation-sdk/dashboard'
import * as units from '@grafana/grafana-foundation-sdk/units'
import { scalerMetrics } from '@lab/contract/scaler-metrics.ts'
import { type Mark, newForSeconds } from '../lib/annotations.ts'
import { countColors, markColors, proposalColors } from '../lib/colors.ts'
import { pages } from '../lib/pages.ts'
import { graph } from '../lib/panels.ts'
import { autoscaler, byAutoscaler, scaler } from '../lib/scopes.ts'
import { band, coloredByEnd, third } from '../lib/styles.ts'

const { select } = scaler
const stepLabel = 'stage' satisfies (typeof scalerMetrics.proposedReplicas.labels)[number]
export const noScaler = 'No scaler runs. Start the lab with the scaler: ./lab up --k8s-sim'
const noMetric = 'The scaler has not read any metric yet, or none runs: ./lab up --k8s-sim'

/** Annotation for each change that the scaler makes, with the old and new number of replicas and the reason. */
export const decisions: Mark = {
  name: 'Decisions',
  // The query returns each change only for a short time, which is enough for Grafana to mark it once.
  expr: `${select(scalerMetrics.lastRescale.name)} * 1000 and time() - ${select(scalerMetrics.lastRescale.name)} < ${newForSeconds}`,
  color: markColors.decision,
  text: `{{${byAutoscaler}}}: {{from}} → {{to}}: {{reason}}`,
  details: `<a href="/d/${pages.scaling.uid}">The steps of the decision</a>; in a terminal: ./lab scaler explain --changes`,
  valueIsTime: true,
}

/** Shows the current and desired number of replicas, with the minimum and maximum that the HPA allows. */
export function counts(): Panel {
  return graph(
    {
      title: 'Current and desired replicas',
      description:
        'Does the lab have the desired number of replicas? Current replicas, desired replicas, minReplicas and maxReplicas. An annotation marks each change that the scaler makes.',
      unit: units.Short,
      noValue: noScaler,
      width: third,
    },
    [
      {
        expr: `max by (${byAutoscaler}) (${autoscaler.select(scalerMetrics.statusCurrentReplicas.name)})`,
        legend: `{{${byAutoscaler}}} current`,
      },
      {
        expr: `max by (${byAutoscaler}) (${autoscaler.select(scalerMetrics.statusDesiredReplicas.name)})`,
        legend: `{{${byAutoscaler}}} desired`,
      },
      { expr: `max by (${byAutoscaler}) (${autoscaler.select(scalerMetrics.specMinReplicas.name)})`, legend: `{{${byAutoscaler}}} min` },
      { expr: `max by (${byAutoscaler}) (${autoscaler.select(scalerMetrics.specMaxReplicas.name)})`, legend: `{{${byAutoscaler}}} max` },
    ],
    (panel) => {
      panel.decimals(0).lineInterpolation(LineInterpolation.StepAfter).fillOpacity(0)
      const { current, desired, limit, least } = countColors
      coloredByEnd({ current, desired, min: least, max: limit })(panel)
      panel.overrideByRegexp('.* max', [{ id: 'custom.lineStyle', value: { fill: 'dash', dash: [10, 10] } }])
      panel.overrideByRegexp('.* min', [{ id: 'custom.lineStyle', value: { fill: 'dot', dash: [0, 8] } }])
    },
  )
}

/** Shows the steps of a scaler decision. */
export function proposals(): Panel {
  return graph(
    {
      title: 'From recommendation to decision',
      description:
        'Which step of the scaling decision limited the change? The recommended line is the number of replicas calculated from the metrics, and the stabilized line is the number after the stabilization windows are applied. The policy_limited line is the number after the scaling policies are applied, and the bounded line is the number limited to the range from minReplicas to maxReplicas. If the lines of two successive steps differ, the later step changed the number of replicas.',
      unit: units.Short,
      noValue: noMetric,
      width: third,
    },
    [
      {
        expr: `max by (${byAutoscaler}, ${stepLabel}) (${select(scalerMetrics.proposedReplicas.name)})`,
        legend: `{{${byAutoscaler}}} {{${stepLabel}}}`,
      },
    ],
    (panel) => {
      panel.decimals(0).lineInterpolation(LineInterpolation.StepAfter).fillOpacity(0)
      coloredByEnd(proposalColors)(panel)
    },
  )
}

/** Shows HPA metrics as multiples of their targets. */
export function metricsAgainstTargets(): Panel {
  const value = autoscaler.select(scalerMetrics.statusTargetMetric.name)
  const target = autoscaler.select(scalerMetrics.specTargetMetric.name)
  const tolerance = (direction: string) => select(scalerMetrics.tolerance.name, `direction="${direction}"`)
  return graph(
    {
      title: 'Metrics against their targets',
      description:
        'Which metric requires a change in the number of replicas? Current value of each metric divided by its target; 1 means that the metric is on target. The band shows the tolerance (10 % by default), within which the number of replicas does not change. The metric that recommends the most replicas determines the number.',
      unit: units.Short,
      noValue: noMetric,
      width: third,
    },
    [
      {
        expr: `max by (${byAutoscaler}, metric_name) (${value} / on (${byAutoscaler}, metric_name, metric_target_type) ${target})`,
        legend: `{{${byAutoscaler}}} {{metric_name}}`,
      },
      { expr: `1 + max(${tolerance('up')})`, legend: 'tolerated above' },
      { expr: `1 - max(${tolerance('down')})`, legend: 'tolerated below' },
    ],
    (panel) => {
      panel.axisSoftMax(1.5).decimals(2).fillOpacity(0)
      band(panel, 'tolerated above', 'tolerated below')
    },
  )
}

/** Shows the values of the HPA metrics, and their targets. */
export function metricValues(): Panel {
  return graph(
    {
      title: 'Metric values and targets',
      description:
        'How far is each metric from its target? Current value of each metric, and its target as a dashed line. Utilization is shown as a percentage of the resource request (right axis), and averages are per replica.',
      unit: units.Short,
      noValue: noMetric,
      width: third,
    },
    [
      {
        expr: `max by (${byAutoscaler}, metric_name, metric_target_type) (${autoscaler.select(scalerMetrics.statusTargetMetric.name)} and on (${byAutoscaler}, metric_name, metric_target_type) ${autoscaler.select(scalerMetrics.specTargetMetric.name)})`,
        legend: `{{${byAutoscaler}}} {{metric_name}} ({{metric_target_type}})`,
      },
      {
        expr: `max by (${byAutoscaler}, metric_name, metric_target_type) (${autoscaler.select(scalerMetrics.specTargetMetric.name)})`,
        legend: `target of {{${byAutoscaler}}} {{metric_name}} ({{metric_target_type}})`,
      },
    ],
    (panel) =>
      panel
        .overrideByRegexp('.*\\(utilization\\)', [
          { id: 'unit', value: units.Percent },
          { id: 'custom.axisPlacement', value: AxisPlacement.Right },
        ])
        .overrideByRegexp('target of .*', [
          { id: 'custom.lineStyle', value: { fill: 'dash', dash: [10, 10] } },
          { id: 'custom.fillOpacity', value: 0 },
        ]),
  )
}

/** Shows the time until a new replica is ready. */
export function timeToReady(): Panel {
  return graph(
    {
      title: 'Time to ready',
      description:
        "How soon does a new replica accept connections? Time from the start of each replica's container until Docker first reports the container as healthy.",
      unit: units.DurationInHoursMinutesSeconds,
      noValue: noScaler,
      width: third,
    },
    [{ expr: `max by (replica) (${select(scalerMetrics.replicaReady.name)})`, legend: '{{replica}}' }],
    (panel) => panel.axisSoftMax(5),
  )
}

/** Compares the decisions of each autoscaler with those of its shadow. */
export function shadow(width: number): Panel {
  const live = select(scalerMetrics.proposedReplicas.name, 'stage="bounded"')
  return graph(
    {
      title: 'Decisions of the shadow',
      description:
        'Would other settings have decided differently? Number of replicas after each decision of an autoscaler, and of its shadow if SCALER_SHADOW names one. A shadow decides on the same readings and never acts. ./lab scaler diff lists the differences.',
      unit: units.Short,
      noValue: noMetric,
      width,
    },
    [
      {
        expr: `max by (${byAutoscaler}, shadow) (${select(scalerMetrics.shadowReplicas.name)} or ${live})`,
        legend: `{{${byAutoscaler}}} {{shadow}}`,
      },
    ],
    (panel) => panel.decimals(0).lineInterpolation(LineInterpolation.StepAfter).fillOpacity(0),
  )
}
