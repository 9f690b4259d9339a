/** Scaling Events: how many replicas there are, why, and what their coming and going costs clients. */
import { AxisPlacement, LineInterpolation } from '@grafana/grafana-foundation-sdk/common'
import type { Panel } from '@grafana/grafana-foundation-sdk/dashboard'
import * as units from '@grafana/grafana-foundation-sdk/units'
import { metrics } from '@lab/contract/metrics.ts'
import { lineColors, stateColors } from '../lib/colors.ts'
import { graph, totalLine } from '../lib/panels.ts'
import { panelQueries as ask, replicas } from '../lib/scopes.ts'
import { alertLine, colored, perReplica, third, waiting } from '../lib/styles.ts'

/** Replicas, in total and by state. */
export function replicaCount(): Panel {
  return graph(
    {
      title: 'Replica count over time',
      description:
        'How many replicas are there? Those that answer Prometheus, and how many of them are in each state. Draining replicas still serve but take no new connection.',
      unit: units.Short,
      noValue: waiting,
      width: third,
    },
    [
      { expr: ask.replicasUp, legend: 'running' },
      { expr: ask.replicasByState, legend: '{{state}}' },
    ],
    (panel) => {
      panel.decimals(0).lineInterpolation(LineInterpolation.StepAfter).overrideByName('running', totalLine(lineColors.total))
      colored(stateColors)(panel)
    },
  )
}

/** CPU time of each replica. */
export function cpu(): Panel {
  return graph(
    {
      title: 'CPU utilisation',
      description:
        'How close is each replica to its end? CPU time per second of each replica, as a share of one core: a replica runs JavaScript on one core, so about 100 % is its end.',
      unit: units.PercentUnit,
      noValue: waiting,
      width: third,
    },
    [
      { expr: ask.cpuCoresMean, legend: 'mean' },
      { expr: ask.cpuCoresByReplica, legend: perReplica },
    ],
    (panel) => {
      panel.axisSoftMax(1).overrideByName('mean', totalLine(lineColors.total))
      alertLine(panel, 0.8)
    },
  )
}

/** Closes while replicas leave, planned and not. */
export function drops(): Panel {
  return graph(
    {
      title: 'Connection drops during scaling',
      description:
        'Does anybody lose a connection when a replica leaves? What ends connections, per second. Told to move (goodbye) and closed by drain are planned; a dead peer did not answer its ping; lost has no explanation and should stay at zero. What a killed replica held is counted by nobody: the alert ReplicaLost says how much that was.',
      unit: units.CountsPerSecond,
      noValue: waiting,
      width: third,
    },
    [
      { expr: ask.goodbyesPerSecond, legend: 'told to move' },
      { expr: ask.closedByDrainPerSecond, legend: 'closed by drain' },
      { expr: ask.deadPeersPerSecond, legend: 'dead peer' },
      { expr: ask.unexplainedClosesPerSecond, legend: 'lost' },
    ],
    colored({
      'told to move': lineColors.received,
      'closed by drain': lineColors.planned,
      'dead peer': lineColors.refused,
      lost: lineColors.lost,
    }),
  )
}

/** How far draining replicas have come. */
export function drainProgress(): Panel {
  return graph(
    {
      title: 'Drain progress',
      description:
        'Will a leaving replica be empty in time? Connections that are still to leave, and dotted, on the right, the seconds to the deadline, when the rest is closed. Zero while nobody drains.',
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
