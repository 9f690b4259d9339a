/** Connection Overview panels: the number of connections, and how fast it changes. */

import type { Panel } from '@grafana/grafana-foundation-sdk/dashboard'
import { FieldColorModeId, ThresholdsMode } from '@grafana/grafana-foundation-sdk/dashboard'
import * as units from '@grafana/grafana-foundation-sdk/units'
import { lineColors, severityColors, stateColors } from '../lib/colors.ts'
import { graph, stat, thresholds, totalLine } from '../lib/panels.ts'
import { panelQueries as ask } from '../lib/scopes.ts'
import { colored, perReplica, stacked, third, waiting } from '../lib/styles.ts'

/** Shows the open connections, their limit, and the share of the limit. */
export function activeConnections(): Panel {
  return stat(
    {
      title: 'Active connections',
      description:
        "How close is the lab to its connection limit? Open connections of all replicas, the sum of the replicas' limits, and the used share of the limit, which is orange from 80 % and red from 95 %.",
      unit: units.Short,
      noValue: waiting,
      width: third,
    },
    [
      { expr: ask.connections, legend: 'open' },
      { expr: ask.connectionsLimit, legend: 'limit' },
      { expr: `${ask.connections} / ${ask.connectionsLimit}`, legend: 'share of the limit' },
    ],
    (panel) =>
      panel
        .decimals(0)
        .thresholds(
          thresholds(ThresholdsMode.Absolute, [
            { color: severityColors.fine },
            { from: 0.8, color: severityColors.warning },
            { from: 0.95, color: severityColors.critical },
          ]),
        )
        .overrideByName('share of the limit', [
          { id: 'unit', value: units.PercentUnit },
          { id: 'decimals', value: 1 },
          { id: 'color', value: { mode: FieldColorModeId.Thresholds } },
        ]),
  )
}

/** Shows connections opened, closed and refused per second. */
export function connectionRate(): Panel {
  return graph(
    {
      title: 'Connection rate',
      description:
        'How fast do clients connect and disconnect? Connections opened, closed and refused per second on all replicas. The response to a refused upgrade is an HTTP error status.',
      unit: units.EventsPerSecond,
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
