/** What the load generator does and what it meets. Its times run from the start of a run; its other values are rates. */
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
/** k6's own counter: every handshake, with the HTTP status it ended in. */
const handshakes = 'k6_ws_sessions_total'

/** Sockets as the generator counts them, beside the replicas' count. */
export function sessions(): Panel {
  return graph(
    {
      title: 'Sessions',
      description:
        'Do generator and replicas agree? Sockets that k6 holds open, and connections that the replicas hold. More at the replicas: somebody else is connected, too.',
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

/** Time to an open socket. */
export function connectTime(): Panel {
  return graph(
    {
      title: 'Connect time',
      description:
        'How long does it take to get in? From dialling to the open socket, by the clock of k6, over the whole run so far. The dashed line is the threshold of p95: 2 s.',
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

/** Time to an answer. */
export function roundTrip(): Panel {
  return graph(
    {
      title: 'Message round trip',
      description:
        'How long does an answer take for the client? By the clock of k6, over the whole run so far. The dashed line is the threshold of p95: 1 s.',
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

/** Time to the other members of a room. */
export function roomDelivery(): Panel {
  return graph(
    {
      title: 'Room delivery',
      description: 'How long is a room message on its way to the other members? By the clock of k6, over the whole run so far.',
      unit: units.Seconds,
      noValue: noLoad,
      width: third,
    },
    quantilesOf('roomDelivery'),
    colored(quantileColors),
  )
}

/** Handshakes by the status they ended in. */
export function upgradesByCode(): Panel {
  return graph(
    {
      title: 'Upgrades by code',
      description:
        'How do handshakes end? Per second by HTTP status, as k6 gets it: 101 is an open socket, 429 the rate limit, 503 a full replica or none at all, 0 no answer.',
      unit: units.CountsPerSecond,
      noValue: noLoad,
      width: third,
    },
    [{ expr: `sum by (status) (${perSecond(handshakes)})`, legend: '{{status}}' }],
    (panel) => colored({ 101: 'green', 429: lineColors.refused, 503: lineColors.lost, 0: 'dark-red' })(stacked(panel)),
  )
}

/** What the thresholds of a run look at. */
export function successRates(): Panel {
  return graph(
    {
      title: 'Thresholds',
      description:
        'Will this run pass? Shares over the whole run so far: handshakes that ended in a socket (more than 95 % wanted), errors (less than 1 %), and returning users who met their replica again.',
      unit: units.PercentUnit,
      noValue: noLoad,
      width: third,
    },
    [
      { expr: `avg(${prometheusName(loadMetrics.connectSuccess)})`, legend: 'connected' },
      { expr: `avg(${prometheusName(loadMetrics.errors)})`, legend: 'errors' },
      { expr: `avg(${prometheusName(loadMetrics.stickyKept)})`, legend: 'same replica' },
    ],
    (panel) => {
      panel.max(1)
      colored({ connected: 'green', errors: lineColors.lost, 'same replica': lineColors.received })(panel)
    },
  )
}

/** Messages that want an answer, and those that got one. */
export function messagesAnswered(): Panel {
  return graph(
    {
      title: 'Messages and answers',
      description: 'Is everything answered? Messages per second that want an answer, and answers that came in time.',
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

/** Statistics of a time: values of k6 itself, which can't be added up; the worst of several runs is shown. */
function quantilesOf(key: 'connectTime' | 'messageRtt' | 'roomDelivery') {
  const of = (stat: 'p(50)' | 'p(95)' | 'p(99)') => `max(${prometheusName(loadMetrics[key], stat)})`
  return [
    { expr: of('p(50)'), legend: 'p50' },
    { expr: of('p(95)'), legend: 'p95' },
    { expr: of('p(99)'), legend: 'p99' },
  ]
}
