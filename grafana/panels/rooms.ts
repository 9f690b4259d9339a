/** Rooms, whose messages go from one replica to the others. */
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

/** Quantiles of the way through Valkey. */
export function pubsubLag(): Panel {
  return graph(
    {
      title: 'Pub/sub lag',
      description: 'How long is a room message on its way? p50, p95 and p99 from its being published to its delivery on another replica.',
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

/** Deliveries by the time they took. */
export function pubsubHeatmap(): Panel {
  return heatmap(
    {
      title: 'Pub/sub heatmap',
      description: 'Are late room messages a few, or all of them? Deliveries per second, by the time since their being published.',
      unit: units.Seconds,
      noValue: noRoomMessage,
      width: third,
    },
    `sum by (le) (${perSecond(`${metrics.pubsubLag.name}_bucket`)})`,
  )
}

/** Rooms and memberships. */
export function rooms(): Panel {
  return graph(
    {
      title: 'Rooms',
      description:
        'How much is there to pass on? Rooms with a member on the replica; a room with members on three replicas counts three times.',
      unit: units.Short,
      noValue: waiting,
      width: half,
    },
    [{ expr: `sum by (replica) (${select(metrics.rooms.name)})`, legend: perReplica }],
    (panel) => panel.decimals(0),
  )
}

/** Memberships of rooms. */
export function roomMembers(): Panel {
  return graph(
    {
      title: 'Room members',
      description: 'To how many does a room message go? Memberships of rooms, stacked by replica.',
      unit: units.Short,
      noValue: waiting,
      width: half,
    },
    [{ expr: `sum by (replica) (${select(metrics.roomMembers.name)})`, legend: perReplica }],
    (panel) => stacked(panel).decimals(0),
  )
}

/** Room messages by what became of them. */
export function roomMessages(): Panel {
  return graph(
    {
      title: 'Room messages',
      description:
        'What becomes of room messages? Per second: stored; duplicate, sent again by a client and told apart; provisional, taken without the store and counted again once stored; refused, since too many wait.',
      unit: units.MessagesPerSecond,
      noValue: waiting,
      width: third,
    },
    [{ expr: `sum by (result) (${perSecond(metrics.roomMessages.name)})`, legend: '{{result}}' }],
    (panel) =>
      colored({ stored: 'green', duplicate: 'light-blue', provisional: lineColors.planned, refused: lineColors.refused })(stacked(panel)),
  )
}

/** Messages that replicas keep. */
export function roomLog(): Panel {
  return graph(
    {
      title: 'Room messages kept',
      description: 'How far back can a client resume? Room messages that each replica keeps, and dotted, on the right, their size.',
      unit: units.Short,
      noValue: waiting,
      width: third,
    },
    [
      { expr: `sum by (replica) (${select(metrics.roomLogMessages.name)})`, legend: `kept ${perReplica}` },
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
