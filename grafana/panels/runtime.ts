/** What the process of each replica uses: memory, event loop, garbage collection. */
import type { Panel } from '@grafana/grafana-foundation-sdk/dashboard'
import * as units from '@grafana/grafana-foundation-sdk/units'
import { metrics } from '@lab/contract/metrics.ts'
import { standardMetrics } from '@lab/contract/queries.ts'
import { severityColors } from '../lib/colors.ts'
import { fixedColor, graph } from '../lib/panels.ts'
import { panelQueries as ask, replicas } from '../lib/scopes.ts'
import { alertLine, perReplica, third, waiting } from '../lib/styles.ts'

const { select, perSecond } = replicas

/** Node's own timer wakes every 10 ms to measure the lag; so long it lags when nothing does. */
const lagOfNothingSeconds = 0.01

/** Resident memory and the part of it that JavaScript uses. */
export function memory(): Panel {
  return graph(
    {
      title: 'Memory',
      description:
        'Does memory grow without end? What the system has given each replica, and dotted what its JavaScript objects use of it. The dashed line is the alert: 80 % of the limit.',
      unit: units.BytesIEC,
      noValue: waiting,
      width: third,
    },
    [
      { expr: ask.residentBytesByReplica, legend: `resident ${perReplica}` },
      { expr: `sum by (replica) (${select(standardMetrics.heapUsedBytes)})`, legend: `heap ${perReplica}` },
      // The limit differs between compose files, so that it is asked for.
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

/** How long timers wait beyond their time. */
export function eventLoopLag(): Panel {
  const late = (name: string) => `clamp_min(sum by (replica) (${select(name)}) - ${lagOfNothingSeconds}, 0)`
  return graph(
    {
      title: 'Event loop lag',
      description:
        'How long does a message wait for its turn? The worst delay of the event loop since the last scrape, and dotted p99 and the mean, which a single block hardly moves; without the 10 ms of the measuring timer itself. The dashed line is the alert.',
      unit: units.Seconds,
      noValue: waiting,
      width: third,
    },
    [
      { expr: late(standardMetrics.eventLoopLagMax), legend: `worst ${perReplica}` },
      { expr: late(standardMetrics.eventLoopLagP99), legend: `p99 ${perReplica}` },
      { expr: late(standardMetrics.eventLoopLagMean), legend: `mean ${perReplica}` },
    ],
    (panel) => {
      alertLine(panel, 0.25 - lagOfNothingSeconds)
      panel.overrideByRegexp('(p99|mean) .*', [
        { id: 'custom.lineStyle', value: { fill: 'dot', dash: [0, 8] } },
        { id: 'custom.fillOpacity', value: 0 },
      ])
    },
  )
}

/** Share of time the event loop is busy. */
export function eventLoopUtilization(): Panel {
  return graph(
    {
      title: 'Event loop utilisation',
      description: 'Which replica is busy? Share of the time since the last scrape in which the event loop had something to do.',
      unit: units.PercentUnit,
      noValue: waiting,
      width: third,
    },
    [{ expr: ask.eventLoopUtilizationByReplica, legend: perReplica }],
    (panel) => panel.axisSoftMax(1),
  )
}

/** Share of time spent collecting garbage. */
export function garbageCollection(): Panel {
  return graph(
    {
      title: 'Garbage collection',
      description:
        'How much time goes into clearing memory? Share of the time, all kinds of collection together; meanwhile nothing else runs.',
      unit: units.PercentUnit,
      noValue: waiting,
      width: third,
    },
    [{ expr: `sum by (replica) (${perSecond(`${standardMetrics.gcSeconds}_sum`)})`, legend: perReplica }],
    (panel) => panel.axisSoftMax(0.05),
  )
}
