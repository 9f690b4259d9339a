/** How the scaler itself is: whether it can work, keeps its rhythm, and how long its changes take. */
import type { Panel } from '@grafana/grafana-foundation-sdk/dashboard'
import { MappingType } from '@grafana/grafana-foundation-sdk/dashboard'
import * as units from '@grafana/grafana-foundation-sdk/units'
import { scalerMetrics } from '@lab/contract/scaler-metrics.ts'
import { lineColors, stateColors } from '../lib/colors.ts'
import { graph, stat, stateTimeline } from '../lib/panels.ts'
import { scaler } from '../lib/scopes.ts'
import { colored, third } from '../lib/styles.ts'
import { noScaler } from './scaler.ts'

const { select, perSecond, quantile } = scaler
const noChange = 'The scaler has not changed anything yet, or none runs: npm run k8s-sim'
const conditionTexts = { 0: { text: 'no', color: 'text' }, 1: { text: 'yes', color: 'blue' } }

/** Replicas the scaler can't count on. */
export function uncounted(): Panel {
  return graph(
    {
      title: 'Replicas that do not count',
      description:
        'On whom can the scaler not rely? Replicas on their way out, and replicas without a value of a metric: of those it assumes the best or the worst, whichever changes less.',
      unit: units.Short,
      noValue: noScaler,
      width: third,
    },
    [
      { expr: `sum(${select(scalerMetrics.drainingReplicas.name)})`, legend: 'draining' },
      { expr: `sum by (metric_name) (${select(scalerMetrics.missingReplicas.name)})`, legend: 'no {{metric_name}}' },
    ],
    (panel) => {
      panel.decimals(0)
      colored({ draining: stateColors.draining })(panel)
    },
  )
}

/** The conditions of the autoscaler's status. */
export function conditions(): Panel {
  return stateTimeline(
    {
      title: 'Conditions',
      description:
        'Can the scaler do its work? AbleToScale and ScalingActive should be yes: it can act, and it reads its metrics. ScalingLimited is yes while a limit or policy keeps the count from where the metrics want it. Paused is yes while a person told it to leave the replicas alone.',
      unit: units.NoUnit,
      noValue: noScaler,
      width: third,
    },
    [
      { expr: `max by (condition) (${select(scalerMetrics.statusCondition.name, 'status="true"')})`, legend: '{{condition}}' },
      { expr: `max(${select(scalerMetrics.paused.name)})`, legend: 'Paused' },
    ],
    (panel) => panel.mappings([{ type: MappingType.ValueToText, options: conditionTexts }]),
  )
}

/** Time to carry out a decision. */
export function actionDuration(): Panel {
  const { name } = scalerMetrics.actionDuration
  const mean = (labels: string) => `sum by (${labels}) (${select(`${name}_sum`)}) / (sum by (${labels}) (${select(`${name}_count`)}) > 0)`
  return graph(
    {
      title: 'Duration of changes',
      description:
        'How long does a change take? Mean of all changes so far, by direction and result; a change down lasts until the replica has drained.',
      unit: units.Seconds,
      noValue: noChange,
      width: third,
    },
    [{ expr: mean('direction, result'), legend: '{{direction}}: {{result}}' }],
    colored({ 'up: Succeeded': 'green', 'down: Succeeded': lineColors.planned, 'up: Failed': lineColors.lost, 'down: Failed': 'dark-red' }),
  )
}

/** Whether the scaler keeps its period, and how long it thinks. */
export function synchronisation(): Panel {
  return graph(
    {
      title: 'Synchronisation',
      description:
        'Does the scaler keep its rhythm? Seconds since it last looked: a saw with the height of its period, 15 s over the time scale. While an action runs it waits. And on the right the p95 of the time it takes to decide.',
      unit: units.Seconds,
      noValue: noScaler,
      width: third,
    },
    [
      { expr: `time() - max(${select(scalerMetrics.lastSync.name)})`, legend: 'since the last look' },
      { expr: quantile(0.95, scalerMetrics.decisionDuration.name), legend: 'p95 of deciding' },
    ],
    (panel) => {
      colored({ 'since the last look': lineColors.total })(panel)
      panel.overrideByName('p95 of deciding', [
        { id: 'custom.axisPlacement', value: 'right' },
        { id: 'custom.fillOpacity', value: 0 },
      ])
    },
  )
}

/** Whether time is compressed. */
export function timeScale(): Panel {
  return stat(
    {
      title: 'Time scale',
      description: 'Is this real time? How many times faster than real time the scaler’s periods and windows pass: 1 is real time.',
      unit: units.Short,
      noValue: noScaler,
      width: third,
    },
    [{ expr: `max(${select(scalerMetrics.timeScale.name)})`, legend: 'times real time' }],
  )
}

/** Changes per minute: a count that goes to and fro shows here. */
export function changes(): Panel {
  const { name } = scalerMetrics.actionDuration
  return graph(
    {
      title: 'Changes per second',
      description:
        'Does the count go to and fro? Changes carried out per second, by direction. Both at once, again and again, is flapping.',
      unit: units.CountsPerSecond,
      noValue: noScaler,
      width: third,
    },
    [{ expr: `sum by (direction) (${perSecond(`${name}_count`)})`, legend: '{{direction}}' }],
    colored({ up: 'green', down: lineColors.planned }),
  )
}
