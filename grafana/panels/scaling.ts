/** Scaling Events: how many replicas there are, why, and what their coming and going costs clients. */
import { LineInterpolation } from '@grafana/grafana-foundation-sdk/common'
import type { Panel } from '@grafana/grafana-foundation-sdk/dashboard'
import * as units from '@grafana/grafana-foundation-sdk/units'
import { lineColors, stateColors } from '../lib/colors.ts'
import { panelQueries as ask } from '../lib/dashboards.ts'
import { graph, totalLine } from '../lib/panels.ts'
import { alertLine, colored, perReplica, third, waiting } from '../lib/styles.ts'

/** Replicas, in total and by state. */
export function replicaCount(): Panel {
  return graph(
    {
      title: 'Replica count over time',
      description:
        'Replicas that answer Prometheus, and how many of them are in each state. Draining replicas still serve but take no new connection.',
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
        'CPU time per second of each replica, as a share of one core: a replica runs JavaScript on one core, so about 100 % is its end.',
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
        'What ends connections while replicas leave, per second. Told to move (goodbye) and closed by drain are planned; a dead peer did not answer its ping; lost has no explanation and should stay at zero.',
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
