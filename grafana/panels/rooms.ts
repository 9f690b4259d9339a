/** Panels about rooms and the delivery of room messages across replicas. */
import { AxisPlacement } from '@grafana/grafana-foundation-sdk/common'
import type { Panel } from '@grafana/grafana-foundation-sdk/dashboard'
import * as units from '@grafana/grafana-foundation-sdk/units'
import { metrics } from '@lab/contract/metrics.ts'
import { lineColors, quantileColors } from '../lib/colors.ts'
import { graph, heatmap } from '../lib/panels.ts'
import { replicas } from '../lib/scopes.ts'
import { colored, half, perReplica, stacked, third, waiting } from '../lib/styles.ts'

const { select, perSecond, quantile } = replicas
const noRoomMessage = 'No room message has been delivered yet: start some load.'

/** Shows the quantiles of the time that a room message takes to reach another replica through Valkey. */
export function pubsubLag(): Panel {
  return graph(
    {
      title: 'Pub/sub lag',
      description: 'How long does a room message take to reach another replica? p50, p95 and p99 of the time from publishing to delivery.',
      unit: units.Seconds,
      noValue: noRoomMessage,
      width: third,
    },
    [
      { expr: quantile(0.5, metrics.pubsubLag.name), legend: 'p50' },
      { expr: quantile(0.95, metrics.pubsubLag.name), legend: 'p95' },
      { expr: quantile(0.99, metrics.pubsubLag.name), legend: 'p99' },
    ],
    colored(quantileColors),
  )
}

/** Shows a heatmap of the delivery times of room messages that go through Valkey. */
export function pubsubHeatmap(): Panel {
  return heatmap(
    {
      title: 'Pub/sub heatmap',
      description: 'Are only a few room messages late, or all of them? Deliveries of room messages per second, by time since publishing.',
      unit: units.Seconds,
      noValue: noRoomMessage,
      width: third,
    },
    `sum by (le) (${perSecond(`${metrics.pubsubLag.name}_bucket`)})`,
  )
}

/** Shows the number of rooms that each replica serves. */
export function rooms(): Panel {
  return graph(
    {
      title: 'Rooms',
      description:
        'How many rooms does each replica serve? Number of rooms that have at least one member on the replica. A room with members on three replicas is counted three times.',
      unit: units.Short,
      noValue: waiting,
      width: half,
    },
    [{ expr: `sum by (replica) (${select(metrics.rooms.name)})`, legend: perReplica }],
    (panel) => panel.decimals(0),
  )
}

/** Shows the number of room memberships, by replica. */
export function roomMembers(): Panel {
  return graph(
    {
      title: 'Room members',
      description: 'How many members do the rooms have? Room memberships, stacked by replica.',
      unit: units.Short,
      noValue: waiting,
      width: half,
    },
    [{ expr: `sum by (replica) (${select(metrics.roomMembers.name)})`, legend: perReplica }],
    (panel) => stacked(panel).decimals(0),
  )
}

/** Shows room messages per second, by result. */
export function roomMessages(): Panel {
  return graph(
    {
      title: 'Room messages',
      description:
        'What happens to room messages? Messages per second, by result. Duplicate messages are messages that a client resent and the service recognised. Provisional messages were accepted while the store was unreachable, and are counted again when they are stored. Refused messages are messages that arrived while the queue was full.',
      unit: units.MessagesPerSecond,
      noValue: waiting,
      width: third,
    },
    [{ expr: `sum by (result) (${perSecond(metrics.roomMessages.name)})`, legend: '{{result}}' }],
    (panel) =>
      colored({ stored: 'green', duplicate: 'light-blue', provisional: lineColors.planned, refused: lineColors.refused })(stacked(panel)),
  )
}

/** Shows the number and size of the room messages in the replicas' memory. */
export function roomLog(): Panel {
  return graph(
    {
      title: 'Room messages in memory',
      description:
        'How many missed messages can the replicas replay? Room messages in the memory of each replica, and their size (right axis, dotted).',
      unit: units.Short,
      noValue: waiting,
      width: third,
    },
    [
      { expr: `sum by (replica) (${select(metrics.roomLogMessages.name)})`, legend: `messages ${perReplica}` },
      { expr: `sum by (replica) (${select(metrics.roomLogBytes.name)})`, legend: `size ${perReplica}` },
    ],
    (panel) =>
      panel.overrideByRegexp('size .*', [
        { id: 'unit', value: units.BytesIEC },
        { id: 'custom.axisPlacement', value: AxisPlacement.Right },
        { id: 'custom.lineStyle', value: { fill: 'dot', dash: [0, 8] } },
        { id: 'custom.fillOpacity', value: 0 },
      ]),
  )
}
