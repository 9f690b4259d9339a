/** Connection Overview: how many clients are connected, how fast they come and go. */

import type { Panel } from '@grafana/grafana-foundation-sdk/dashboard'
import { ThresholdsMode } from '@grafana/grafana-foundation-sdk/dashboard'
import * as units from '@grafana/grafana-foundation-sdk/units'
import { lineColors, severityColors, stateColors } from '../lib/colors.ts'
import { gauge, graph, thresholds, totalLine } from '../lib/panels.ts'
import { panelQueries as ask } from '../lib/scopes.ts'
import { colored, perReplica, stacked, third, waiting } from '../lib/styles.ts'

/** Connections open now, against the limit. */
export function activeConnections(): Panel {
  return gauge(
    {
      title: 'Active connections',
      description:
        'How full is the lab? Connections open now on all replicas together. The dial ends at what they accept in total; orange from 80 %, red from 95 %.',
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
        // The limit grows with the replicas, so the end of the dial is the result of the second query.
        .withTransformation({ id: 'configFromData', options: { configRefId: 'B', mappings: [{ fieldName: 'max', handlerKey: 'max' }] } }),
  )
}

/** Connections opened, closed and refused per second. */
export function connectionRate(): Panel {
  return graph(
    {
      title: 'Connection rate',
      description:
        'How fast do clients come and go? Connections opened, closed and refused per second, all replicas together. Refused upgrades are answered with an HTTP status.',
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

/** Open connections, in total and by replica. */
export function connectionsOverTime(): Panel {
  return graph(
    {
      title: 'Total connections over time',
      description:
        'How many are connected, and where? Open connections, stacked by replica: the stack shows how evenly the router spreads them; the line is the total.',
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
