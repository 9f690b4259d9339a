/** Panels that show how connections are distributed across the replicas, and when replicas start. */
import type { Panel } from '@grafana/grafana-foundation-sdk/dashboard'
import * as units from '@grafana/grafana-foundation-sdk/units'
import { metrics } from '@lab/contract/metrics.ts'
import { standardMetrics } from '@lab/contract/queries.ts'
import { lineColors } from '../lib/colors.ts'
import { graph, table } from '../lib/panels.ts'
import { panelQueries as ask, replicas } from '../lib/scopes.ts'
import { alertLine, colored, half, perReplica, stacked, third, waiting } from '../lib/styles.ts'

const { select } = replicas

/** A replica that is replaced is away for longer than a rate interval, so restarts are counted over a longer window. */
const restartWindow = '5m'

/** Shows open connections, by replica. */
export function connectionsPerReplica(): Panel {
  return graph(
    {
      title: 'Connections per replica',
      description:
        'Are the connections spread evenly over the replicas? A replica that is added later starts with few connections, because Traefik sends only new connections to it. The lines converge as fuller replicas ask some of their clients to reconnect.',
      unit: units.Short,
      noValue: waiting,
      width: third,
    },
    [{ expr: ask.connectionsByReplica, legend: perReplica }],
    (panel) => panel.decimals(0),
  )
}

/** Shows the number of connections on the fullest replica, divided by the mean across all replicas. */
export function skew(): Panel {
  return graph(
    {
      title: 'Skew',
      description:
        'How unevenly are the connections distributed? Number of connections on the fullest replica, divided by the mean of all replicas. 1 means an even distribution; with n replicas, n means that one replica has all connections.',
      unit: units.Short,
      noValue: 'No client is connected: start some load.',
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

/** Shows connections as a percentage of the limit, by replica. */
export function fullness(): Panel {
  return graph(
    {
      title: 'Connections against the limit',
      description:
        "Which replica will be the next to refuse connections? Open connections as a percentage of the replica's connection limit. The dashed line is the alert threshold, 80 %.",
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
      panel.axisSoftMax(0.1)
      alertLine(panel, 0.8)
    },
  )
}

/** Shows when replicas restarted. */
export function restarts(): Panel {
  return graph(
    {
      title: 'Restarts in the last 5 minutes',
      description:
        "Did a replica restart? Changes in a replica's start time within the last 5 minutes. The start time changes after a crash or a restart, or if a removed replica is added again within 5 minutes.",
      unit: units.Short,
      noValue: waiting,
      width: half,
    },
    [{ expr: `sum by (replica) (changes(${select(standardMetrics.startTime)}[${restartWindow}]))`, legend: perReplica }],
    (panel) => panel.decimals(0).axisSoftMax(1),
  )
}

/** Shows the uptime of each replica. */
export function uptime(): Panel {
  return graph(
    {
      title: 'Uptime',
      description: "How long has each replica been running? A replica's line drops to zero when the replica restarts.",
      unit: units.DurationInDaysHoursMinutesSeconds,
      noValue: waiting,
      width: half,
    },
    [{ expr: `time() - sum by (replica) (${select(standardMetrics.startTime)})`, legend: perReplica }],
  )
}

/** Shows open connections, by version and colour. */
export function connectionsPerVersion(): Panel {
  return graph(
    {
      title: 'Sockets by version',
      description:
        'How many clients does each version serve? Open connections, by version and colour of the replicas. During a rollout, connections move from the old version to the new one; during a deploy, they move to the other colour.',
      unit: units.Short,
      noValue: waiting,
      width: 2 * third,
    },
    [{ expr: ask.connectionsByVersion, legend: '{{version}} ({{colour}})' }],
    (panel) => stacked(panel).decimals(0),
  )
}

/** Shows the versions of the service and of Node.js. */
export function versions(): Panel {
  return table(
    {
      title: 'What runs where',
      description:
        'Do all replicas run the same version? Version and colour of the service, and Node.js version, by replica. During a rollout, there are two versions.',
      unit: units.NoUnit,
      noValue: waiting,
      width: third,
    },
    { expr: `sum by (replica, version, colour, node) (${select(metrics.buildInfo.name)})`, legend: perReplica },
    { replica: 'Replica', version: 'Service', colour: 'Colour', node: 'Node' },
  )
}
