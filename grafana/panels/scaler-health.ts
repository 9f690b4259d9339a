/** Panels about the scaler's health: status conditions, syncs, and how long changes take. */
import type { Panel } from '@grafana/grafana-foundation-sdk/dashboard'
import { MappingType } from '@grafana/grafana-foundation-sdk/dashboard'
import * as units from '@grafana/grafana-foundation-sdk/units'
import { scalerMetrics } from '@lab/contract/scaler-metrics.ts'
import { lineColors, stateColors } from '../lib/colors.ts'
import { graph, stat, stateTimeline } from '../lib/panels.ts'
import { autoscaler, byAutoscaler, scaler } from '../lib/scopes.ts'
import { colored, coloredByEnd, third } from '../lib/styles.ts'
import { noScaler } from './scaler.ts'

const { select, perSecond, quantile } = scaler
const noChange = 'The scaler has not changed anything yet, or none runs: ./lab up --k8s-sim'
const conditionTexts = { 0: { text: 'no', color: 'text' }, 1: { text: 'yes', color: 'blue' } }

/** Shows how many replicas are draining, and how many have no metric value. */
export function uncounted(): Panel {
  return graph(
    {
      title: 'Replicas that the scaler excludes, or whose metrics it estimates',
      description:
        'Which replicas does the scaler exclude or estimate? Number of draining replicas, and number of replicas without a metric value. For a replica without a metric value, the scaler assumes the value that leads to the smaller change.',
      unit: units.Short,
      noValue: noScaler,
      width: third,
    },
    [
      { expr: `sum by (${byAutoscaler}) (${select(scalerMetrics.drainingReplicas.name)})`, legend: `{{${byAutoscaler}}} draining` },
      {
        expr: `sum by (${byAutoscaler}, metric_name) (${select(scalerMetrics.missingReplicas.name)})`,
        legend: `{{${byAutoscaler}}} no {{metric_name}}`,
      },
    ],
    (panel) => {
      panel.decimals(0)
      coloredByEnd({ draining: stateColors.draining })(panel)
    },
  )
}

/** Shows the conditions in the HorizontalPodAutoscaler's status. */
export function conditions(): Panel {
  return stateTimeline(
    {
      title: 'Conditions',
      description:
        'Does the scaler work? AbleToScale and ScalingActive should be yes: the scaler can change the number of replicas, and it can read its metrics. The ScalingLimited condition is yes while a limit or a policy prevents the scaler from using the recommended number of replicas. The Paused condition is yes while the autoscaler is paused. The line *holds the lease* is no while the scaler stands by, because another scaler acts.',
      unit: units.NoUnit,
      noValue: noScaler,
      width: third,
    },
    [
      {
        expr: `max by (${byAutoscaler}, condition) (${autoscaler.select(scalerMetrics.statusCondition.name, 'status="true"')})`,
        legend: `{{${byAutoscaler}}} {{condition}}`,
      },
      { expr: `max by (${byAutoscaler}) (${select(scalerMetrics.paused.name)})`, legend: `{{${byAutoscaler}}} Paused` },
      { expr: `max(${select(scalerMetrics.leader.name)})`, legend: 'holds the lease' },
    ],
    (panel) => panel.mappings([{ type: MappingType.ValueToText, options: conditionTexts }]),
  )
}

/** Shows how long changes to the number of replicas take. */
export function actionDuration(): Panel {
  const { name } = scalerMetrics.actionDuration
  const mean = (labels: string) => `sum by (${labels}) (${select(`${name}_sum`)}) / (sum by (${labels}) (${select(`${name}_count`)}) > 0)`
  return graph(
    {
      title: 'Duration of changes',
      description:
        'How long does it take to change the number of replicas? Mean duration of all changes in the number of replicas so far, by direction and result. A scale-down ends when the removed replica has drained.',
      unit: units.Seconds,
      noValue: noChange,
      width: third,
    },
    [{ expr: mean('direction, result'), legend: '{{direction}}: {{result}}' }],
    colored({ 'up: Succeeded': 'green', 'down: Succeeded': lineColors.planned, 'up: Failed': lineColors.lost, 'down: Failed': 'dark-red' }),
  )
}

/** Shows the time since the scaler's last sync, and the duration of a decision. */
export function synchronisation(): Panel {
  return graph(
    {
      title: 'Sync',
      description:
        "Does the scaler sync on time? Seconds since the scaler's last sync. This value rises to at most the sync period, which is 15 s divided by the time scale. The scaler does not sync while it is adding or removing replicas. The right axis shows the p95 duration of scaling decisions.",
      unit: units.Seconds,
      noValue: noScaler,
      width: third,
    },
    [
      {
        expr: `time() - max by (${byAutoscaler}) (${select(scalerMetrics.lastSync.name)})`,
        legend: `{{${byAutoscaler}}} since the last sync`,
      },
      { expr: quantile(0.95, scalerMetrics.decisionDuration.name), legend: 'p95 of a decision' },
    ],
    (panel) => {
      coloredByEnd({ 'since the last sync': lineColors.total })(panel)
      panel.overrideByName('p95 of a decision', [
        { id: 'custom.axisPlacement', value: 'right' },
        { id: 'custom.fillOpacity', value: 0 },
      ])
    },
  )
}

/** Shows the factor by which the scaler's periods and windows are shortened. */
export function timeScale(): Panel {
  return stat(
    {
      title: 'Time scale',
      description: "Does the scaler run in real time? Factor by which the scaler's periods and windows are shortened. 1 means real time.",
      unit: units.Short,
      noValue: noScaler,
      width: third,
    },
    [{ expr: `max(${select(scalerMetrics.timeScale.name)})`, legend: 'times real time' }],
  )
}

/** Shows the rate of changes to the number of replicas; many changes mean flapping. */
export function changes(): Panel {
  const { name } = scalerMetrics.actionDuration
  return graph(
    {
      title: 'Changes per second',
      description:
        'Does the number of replicas flap? Changes in the number of replicas per second, by direction. Repeated changes in both directions are called flapping.',
      unit: units.EventsPerSecond,
      noValue: noScaler,
      width: third,
    },
    [{ expr: `sum by (direction) (${perSecond(`${name}_count`)})`, legend: '{{direction}}' }],
    colored({ up: 'green', down: lineColors.planned }),
  )
}
