/** Connection Overview panels: the number of connections, and how fast it changes. */

import type { Panel } from '@grafana/grafana-foundation-sdk/dashboard'
import { ThresholdsMode } from '@grafana/grafana-foundation-sdk/dashboard'
import * as units from '@grafana/grafana-foundation-sdk/units'
import { lineColors, severityColors, stateColors } from '../lib/colors.ts'
import { gauge, graph, thresholds, totalLine } from '../lib/panels.ts'
import { panelQueries as ask } from '../lib/scopes.ts'
import { colored, perReplica, stacked, third, waiting } from '../lib/styles.ts'

/** Shows the open connections and their limit. */
export function activeConnections(): Panel {
  return gauge(
    {
      title: 'Active connections',
      description:
        "How close is the lab to its connection limit? Open connections of all replicas. The maximum of the gauge is the sum of the replicas' limits; the gauge is orange from 80 % and red from 95 %.",
      unit: units.Short,
      noValue: waiting,
      width: third,
    },
    [
      { expr: ask.connections, legend: 'open' },
      { expr: ask.connectionsLimit, legend: 'max' },
    ],
    (panel) =>
      panel
        .decimals(0)
        .thresholds(
          thresholds(ThresholdsMode.Percentage, [
            { color: severityColors.fine },
            { from: 80, color: severityColors.warning },
            { from: 95, color: severityColors.critical },
          ]),
        )
        // The total connection limit grows with the number of replicas, so the second query supplies the gauge's maximum.
        .withTransformation({ id: 'configFromData', options: { configRefId: 'B', mappings: [{ fieldName: 'max', handlerKey: 'max' }] } }),
  )
}

/** Shows connections opened, closed and refused per second. */
export function connectionRate(): Panel {
  return graph(
    {
      title: 'Connection rate',
      description:
        'How fast do clients connect and disconnect? Connections opened, closed and refused per second on all replicas. The response to a refused upgrade is an HTTP error status.',
      unit: units.CountsPerSecond,
      noValue: waiting,
      width: third,
    },
    [
      { expr: ask.openedPerSecond, legend: 'opened' },
      { expr: ask.closedPerSecond, legend: 'closed' },
      { expr: ask.refusedPerSecond, legend: 'refused' },
    ],
    colored({ opened: lineColors.received, closed: stateColors.closed, refused: lineColors.refused }),
  )
}

/** Shows open connections, in total and by replica. */
export function connectionsOverTime(): Panel {
  return graph(
    {
      title: 'Total connections over time',
      description:
        'How many connections are open, and on which replica? Open connections, stacked by replica, which shows how evenly Traefik distributes the connections. The line shows the total of all replicas.',
      unit: units.Short,
      noValue: waiting,
      width: third,
    },
    [
      { expr: ask.connections, legend: 'all replicas' },
      { expr: ask.connectionsByReplica, legend: perReplica },
    ],
    (panel) => stacked(panel).decimals(0).overrideByName('all replicas', totalLine(lineColors.total)),
  )
}
