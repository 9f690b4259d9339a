/** How connections are spread over the replicas, and how often those start. */
import type { Panel } from '@grafana/grafana-foundation-sdk/dashboard'
import * as units from '@grafana/grafana-foundation-sdk/units'
import { metrics } from '@lab/contract/metrics.ts'
import { standardMetrics } from '@lab/contract/queries.ts'
import { lineColors } from '../lib/colors.ts'
import { graph, table } from '../lib/panels.ts'
import { panelQueries as ask, replicas } from '../lib/scopes.ts'
import { alertLine, colored, perReplica, third, waiting } from '../lib/styles.ts'

const { select } = replicas

/** Open connections of each replica. */
export function connectionsPerReplica(): Panel {
  return graph(
    {
      title: 'Connections per replica',
      description:
        'Does each replica hold its share? Lines that are apart are replicas that came later: the router gives them new connections only, and they meet as fuller replicas ask some of theirs to move.',
      unit: units.Short,
      noValue: waiting,
      width: third,
    },
    [{ expr: ask.connectionsByReplica, legend: perReplica }],
    (panel) => panel.decimals(0),
  )
}

/** The fullest replica against the mean. */
export function skew(): Panel {
  return graph(
    {
      title: 'Skew',
      description:
        'How uneven is the spread? Connections of the fullest replica over the mean: 1 is even; with n replicas, n is everybody on one.',
      unit: units.Short,
      noValue: 'Nobody is connected: start some load.',
      width: third,
    },
    [
      {
        expr: `max(${select(metrics.connectionsActive.name)}) / (avg(${select(metrics.connectionsActive.name)}) > 0)`,
        legend: 'max over mean',
      },
    ],
    (panel) => {
      panel.min(1).axisSoftMax(2).decimals(2)
      colored({ 'max over mean': lineColors.total })(panel)
    },
  )
}

/** How full each replica is. */
export function fullness(): Panel {
  return graph(
    {
      title: 'Connections against the limit',
      description:
        'Which replica will refuse the next client? Open connections as a share of what the replica accepts. The dashed line is the alert: above 80 %.',
      unit: units.PercentUnit,
      noValue: waiting,
      width: third,
    },
    [
      {
        expr: `sum by (replica) (${select(metrics.connectionsActive.name)}) / sum by (replica) (${select(metrics.connectionsLimit.name)})`,
        legend: perReplica,
      },
    ],
    (panel) => {
      panel.axisSoftMax(1)
      alertLine(panel, 0.8)
    },
  )
}

/** Starts of processes under the same name. */
export function restarts(): Panel {
  return graph(
    {
      title: 'Restarts',
      description:
        'Did a replica start again under its name? How often the start of its process changed within a few scrapes: a crash, a restart, or a removed replica that was back within seconds.',
      unit: units.Short,
      noValue: waiting,
      width: third,
    },
    [{ expr: `sum by (replica) (changes(${select(standardMetrics.startTime)}[$__rate_interval]))`, legend: perReplica }],
    (panel) => panel.decimals(0).axisSoftMax(1),
  )
}

/** Time since the start of each replica. */
export function uptime(): Panel {
  return graph(
    {
      title: 'Uptime',
      description: 'How long has each replica been running? A line that falls to zero is a start.',
      unit: units.Seconds,
      noValue: waiting,
      width: third,
    },
    [{ expr: `time() - sum by (replica) (${select(standardMetrics.startTime)})`, legend: perReplica }],
  )
}

/** Versions of the service and of Node. */
export function versions(): Panel {
  return table(
    {
      title: 'What runs where',
      description: 'Do all replicas run the same? Version of the service and of Node, by replica: during a rolling update there are two.',
      unit: units.NoUnit,
      noValue: waiting,
      width: third,
    },
    { expr: `sum by (replica, version, node) (${select(metrics.buildInfo.name)})`, legend: perReplica },
    { replica: 'Replica', version: 'Service', node: 'Node' },
  )
}
