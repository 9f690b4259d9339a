/** Panels about each replica's memory, event loop and garbage collection. */
import type { Panel } from '@grafana/grafana-foundation-sdk/dashboard'
import * as units from '@grafana/grafana-foundation-sdk/units'
import { metrics } from '@lab/contract/metrics.ts'
import { standardMetrics } from '@lab/contract/queries.ts'
import { severityColors } from '../lib/colors.ts'
import { fixedColor, graph } from '../lib/panels.ts'
import { panelQueries as ask, replicas } from '../lib/scopes.ts'
import { alertLine, perReplica, third, waiting } from '../lib/styles.ts'

const { select, perSecond } = replicas

/** Event loop lag, in seconds, that Node.js reports even without load, because the timer that measures the lag fires every 10 ms. */
const lagOfNothingSeconds = 0.01

/** Shows the resident memory and JavaScript heap of each replica. */
export function memory(): Panel {
  return graph(
    {
      title: 'Memory',
      description:
        'Does memory grow without bound? Resident memory of each replica, and its used JavaScript heap (dotted). The dashed line is the alert threshold, 80 % of the limit.',
      unit: units.BytesIEC,
      noValue: waiting,
      width: third,
    },
    [
      { expr: ask.residentBytesByReplica, legend: `resident ${perReplica}` },
      { expr: `sum by (replica) (${select(standardMetrics.heapUsedBytes)})`, legend: `heap ${perReplica}` },
      // The memory limit differs between Compose files, so the panel reads it from a metric.
      { expr: `0.8 * min(${select(metrics.memoryLimit.name)})`, legend: 'alert' },
    ],
    (panel) => {
      panel.overrideByName('alert', [
        fixedColor(severityColors.critical),
        { id: 'custom.lineStyle', value: { fill: 'dash', dash: [10, 10] } },
        { id: 'custom.fillOpacity', value: 0 },
      ])
      panel.overrideByRegexp('heap .*', [
        { id: 'custom.lineStyle', value: { fill: 'dot', dash: [0, 8] } },
        { id: 'custom.fillOpacity', value: 0 },
      ])
    },
  )
}

/** Shows the event loop lag of each replica. */
export function eventLoopLag(): Panel {
  const late = (name: string) => `clamp_min(sum by (replica) (${select(name)}) - ${lagOfNothingSeconds}, 0)`
  return graph(
    {
      title: 'Event loop lag',
      description:
        'How long does a message wait for the event loop? Maximum event loop lag since the last scrape, and the p99 lag (dotted). A single long task hardly changes the p99. The timer interval of 10 ms is subtracted from the measured lag. The dashed line is the alert threshold.',
      unit: units.Seconds,
      noValue: waiting,
      width: third,
    },
    [
      { expr: late(standardMetrics.eventLoopLagMax), legend: `worst ${perReplica}` },
      { expr: late(standardMetrics.eventLoopLagP99), legend: `p99 ${perReplica}` },
    ],
    (panel) => {
      alertLine(panel, 0.25 - lagOfNothingSeconds)
      panel.overrideByRegexp('p99 .*', [
        { id: 'custom.lineStyle', value: { fill: 'dot', dash: [0, 8] } },
        { id: 'custom.fillOpacity', value: 0 },
      ])
    },
  )
}

/** Shows the event loop utilization of each replica. */
export function eventLoopUtilization(): Panel {
  return graph(
    {
      title: 'Event loop utilisation',
      description: 'Which replica is busy? Percentage of the time since the last scrape during which the event loop was active.',
      unit: units.PercentUnit,
      noValue: waiting,
      width: third,
    },
    [{ expr: ask.eventLoopUtilizationByReplica, legend: perReplica }],
    (panel) => panel.axisSoftMax(0.1),
  )
}

/** Shows the fraction of time that each replica spends on garbage collection. */
export function garbageCollection(): Panel {
  return graph(
    {
      title: 'Garbage collection',
      description:
        'How much time does garbage collection take? Percentage of time that a replica spends on garbage collection of any kind. No other JavaScript code runs during garbage collection.',
      unit: units.PercentUnit,
      noValue: waiting,
      width: third,
    },
    [{ expr: `sum by (replica) (${perSecond(`${standardMetrics.gcSeconds}_sum`)})`, legend: perReplica }],
    (panel) => panel.axisSoftMax(0.05),
  )
}
