/** Scaling Events panels: the number of replicas, and the effect of scaling on clients. */
import { AxisPlacement, LineInterpolation } from '@grafana/grafana-foundation-sdk/common'
import type { Panel } from '@grafana/grafana-foundation-sdk/dashboard'
import * as units from '@grafana/grafana-foundation-sdk/units'
import { metrics } from '@lab/contract/metrics.ts'
import { lineColors, stateColors } from '../lib/colors.ts'
import { graph, totalLine } from '../lib/panels.ts'
import { panelQueries as ask, replicas } from '../lib/scopes.ts'
import { alertLine, colored, perReplica, third, waiting } from '../lib/styles.ts'

/** Shows the number of replicas, in total and by state. */
export function replicaCount(): Panel {
  return graph(
    {
      title: 'Replica count over time',
      description:
        'How many replicas are there? "Running" counts the containers that Docker reports. The other lines count the replicas that respond to Prometheus, by state. Draining replicas still serve their connections but accept no new connections.',
      unit: units.Short,
      noValue: waiting,
      width: third,
    },
    [
      { expr: ask.replicasRunning, legend: 'running' },
      { expr: ask.replicasByState, legend: '{{state}}' },
    ],
    (panel) => {
      panel.decimals(0).lineInterpolation(LineInterpolation.StepAfter).overrideByName('running', totalLine(lineColors.total))
      colored(stateColors)(panel)
    },
  )
}

/** Shows CPU usage, by replica. */
export function cpu(): Panel {
  return graph(
    {
      title: 'CPU utilisation',
      description:
        'How close is each replica to its limit? CPU usage as a percentage of one core. A replica runs JavaScript on one core, so about 100 % is its limit.',
      unit: units.PercentUnit,
      noValue: waiting,
      width: third,
    },
    [
      { expr: ask.cpuCoresMean, legend: 'mean' },
      { expr: ask.cpuCoresByReplica, legend: perReplica },
    ],
    (panel) => {
      panel.axisSoftMax(0.1).overrideByName('mean', totalLine(lineColors.total))
      alertLine(panel, 0.8)
    },
  )
}

/** Shows the rates of planned and unexpected connection closures. */
export function drops(): Panel {
  return graph(
    {
      title: 'Connection drops during scaling',
      description:
        'Do clients lose connections when the lab scales down? Closes per second. Closes with the cause "asked to reconnect" or "closed by drain" are planned. "Dead peer" means that the client did not respond to a ping. "Lost" closes are unexpected and should stay at zero. The panel does not count the connections of a killed replica; the ReplicaLost alert reports their number.',
      unit: units.EventsPerSecond,
      noValue: waiting,
      width: third,
    },
    [
      { expr: ask.goodbyesPerSecond, legend: 'asked to reconnect' },
      { expr: ask.closedByDrainPerSecond, legend: 'closed by drain' },
      { expr: ask.deadPeersPerSecond, legend: 'dead peer' },
      { expr: ask.unexplainedClosesPerSecond, legend: 'lost' },
    ],
    colored({
      'asked to reconnect': lineColors.asked,
      'closed by drain': lineColors.planned,
      'dead peer': lineColors.refused,
      lost: lineColors.lost,
    }),
  )
}

/** Shows the progress of draining replicas. */
export function drainProgress(): Panel {
  return graph(
    {
      title: 'Drain progress',
      description:
        'Will all clients leave a draining replica before its deadline? Remaining connections of each draining replica, and seconds until its drain deadline (right axis, dotted), at which the remaining connections are closed. The number of connections and the number of seconds are both zero while no replica is draining.',
      unit: units.Short,
      noValue: waiting,
      width: third,
    },
    [
      { expr: `sum by (replica) (${replicas.select(metrics.drainSocketsLeft.name)})`, legend: `to leave ${perReplica}` },
      { expr: `sum by (replica) (${replicas.select(metrics.drainSecondsLeft.name)})`, legend: `deadline ${perReplica}` },
    ],
    (panel) =>
      panel.overrideByRegexp('deadline .*', [
        { id: 'unit', value: units.Seconds },
        { id: 'custom.axisPlacement', value: AxisPlacement.Right },
        { id: 'custom.lineStyle', value: { fill: 'dot', dash: [0, 8] } },
        { id: 'custom.fillOpacity', value: 0 },
      ]),
  )
}
