/** Panels with the load generator's measurements. Duration statistics cover the k6 run from its start; counts are shown as rates. */
import type { Panel } from '@grafana/grafana-foundation-sdk/dashboard'
import * as units from '@grafana/grafana-foundation-sdk/units'
import { loadMetrics, prometheusName } from '@lab/contract/load-metrics.ts'
import { lineColors, quantileColors, systemColors } from '../lib/colors.ts'
import { graph } from '../lib/panels.ts'
import { panelQueries as ask } from '../lib/scopes.ts'
import { alertLine, colored, stacked, third } from '../lib/styles.ts'

export const noLoad = 'No load runs: docker compose run --rm k6'
const perSecond = (name: string) => `rate(${name}[$__rate_interval])`
const opened = prometheusName(loadMetrics.socketsOpened)
const closed = prometheusName(loadMetrics.socketsClosed)
/** k6's counter of handshakes, by HTTP status. */
const handshakes = 'k6_ws_sessions_total'

/** Shows open sockets, as counted by k6 and by the replicas. */
export function sessions(): Panel {
  return graph(
    {
      title: 'Sessions',
      description:
        'Do k6 and the replicas count the same number of sockets? If the replicas count more sockets than k6, other clients are connected as well.',
      unit: units.Short,
      noValue: noLoad,
      width: third,
    },
    [
      { expr: `sum(${opened}) - (sum(${closed}) or 0 * sum(${opened}))`, legend: 'k6' },
      { expr: ask.connections, legend: 'replicas' },
    ],
    (panel) => {
      panel.decimals(0)
      colored({ k6: systemColors.k6, replicas: systemColors.replicas })(panel)
    },
  )
}

/** Shows how long it takes to open a socket. */
export function connectTime(): Panel {
  return graph(
    {
      title: 'Connect time',
      description:
        'How long does it take to connect? Time that k6 took to open a socket, over the whole run so far. The dashed line is the p95 threshold, 2 s.',
      unit: units.Seconds,
      noValue: noLoad,
      width: third,
    },
    quantilesOf('connectTime'),
    (panel) => {
      colored(quantileColors)(panel)
      alertLine(panel, 2)
    },
  )
}

/** Shows the time from sending a message to receiving the response. */
export function roundTrip(): Panel {
  return graph(
    {
      title: 'Message round trip',
      description:
        'How long does a client wait for a response? Round-trip time measured by k6 over the whole run so far. The dashed line is the p95 threshold, 1 s.',
      unit: units.Seconds,
      noValue: noLoad,
      width: third,
    },
    quantilesOf('messageRtt'),
    (panel) => {
      colored(quantileColors)(panel)
      alertLine(panel, 1)
    },
  )
}

/** Shows the time until a room message reaches the room's other members. */
export function roomDelivery(): Panel {
  return graph(
    {
      title: 'Room delivery',
      description: 'How long does a room message take to reach the other members? Delivery time measured by k6 over the whole run so far.',
      unit: units.Seconds,
      noValue: noLoad,
      width: third,
    },
    quantilesOf('roomDelivery'),
    colored(quantileColors),
  )
}

/** Shows handshakes per second, by HTTP status. */
export function upgradesByCode(): Panel {
  return graph(
    {
      title: 'Upgrades by code',
      description:
        'What are the results of handshakes? k6 handshakes per second, by HTTP status: 101 means an open socket, 429 the rate limit, 503 a full replica or no replica, and 0 no response.',
      unit: units.EventsPerSecond,
      noValue: noLoad,
      width: third,
    },
    [{ expr: `sum by (status) (${perSecond(handshakes)})`, legend: '{{status}}' }],
    (panel) => colored({ 101: 'green', 429: lineColors.refused, 503: lineColors.lost, 0: 'dark-red' })(stacked(panel)),
  )
}

/** Shows the percentages of successful handshakes, of errors, and of returning users who were routed to the same replica. */
export function successRates(): Panel {
  return graph(
    {
      title: 'Thresholds',
      description:
        'Will the run pass its thresholds? Percentages over the whole run so far: successful handshakes (threshold 95 %), errors (threshold 1 %), and returning users who were routed to the same replica.',
      unit: units.PercentUnit,
      noValue: noLoad,
      width: third,
    },
    [
      { expr: `avg(${prometheusName(loadMetrics.connectSuccess)})`, legend: 'connected' },
      { expr: `avg(${prometheusName(loadMetrics.errors)})`, legend: 'errors' },
      { expr: `avg(${prometheusName(loadMetrics.stickyReturns)})`, legend: 'same replica' },
    ],
    (panel) => {
      panel.max(1)
      colored({ connected: 'green', errors: lineColors.lost, 'same replica': lineColors.received })(panel)
    },
  )
}

/** Shows the rate of messages that expect a response, and the rate of responses that clients receive. */
export function messagesAnswered(): Panel {
  return graph(
    {
      title: 'Messages and answers',
      description:
        'Does every message receive a response? Messages sent per second that expect a response, and responses per second that arrived in time.',
      unit: units.MessagesPerSecond,
      noValue: noLoad,
      width: third,
    },
    [
      { expr: `sum(${perSecond(prometheusName(loadMetrics.messagesSent))})`, legend: 'asked' },
      { expr: `sum(${perSecond(prometheusName(loadMetrics.messagesAnswered))})`, legend: 'answered' },
    ],
    colored({ asked: lineColors.received, answered: lineColors.sent }),
  )
}

/**
 * Returns the queries for the quantiles of a k6 duration metric. Because quantiles computed by k6 cannot be aggregated, the panel shows the
 * highest value across concurrent runs.
 */
function quantilesOf(key: 'connectTime' | 'messageRtt' | 'roomDelivery') {
  const of = (stat: 'p(50)' | 'p(95)' | 'p(99)') => `max(${prometheusName(loadMetrics[key], stat)})`
  return [
    { expr: of('p(50)'), legend: 'p50' },
    { expr: of('p(95)'), legend: 'p95' },
    { expr: of('p(99)'), legend: 'p99' },
  ]
}
