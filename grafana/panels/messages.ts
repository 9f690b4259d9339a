/** Message Throughput: how much is said, and how fast it is answered. */
import type { Panel } from '@grafana/grafana-foundation-sdk/dashboard'
import * as units from '@grafana/grafana-foundation-sdk/units'
import { lineColors } from '../lib/colors.ts'
import { panelQueries as ask } from '../lib/dashboards.ts'
import { graph, totalLine } from '../lib/panels.ts'
import { alertLine, colored, stacked, third, waiting } from '../lib/styles.ts'

const noMessages = 'No message has been timed yet: start some load.'

/** Messages from clients per second, by type. */
export function messagesReceived(): Panel {
  return graph(
    {
      title: 'Messages received/s',
      description:
        'Messages from clients per second that were understood, stacked by type; the line is the total. What was not understood is under Error rates.',
      unit: units.MessagesPerSecond,
      noValue: waiting,
      width: third,
    },
    [
      { expr: ask.receivedPerSecond, legend: 'all types' },
      { expr: ask.receivedPerSecondByType, legend: '{{type}}' },
    ],
    (panel) => stacked(panel).overrideByName('all types', totalLine(lineColors.received)),
  )
}

/** Messages to clients per second, by type. */
export function messagesSent(): Panel {
  return graph(
    {
      title: 'Messages sent/s',
      description:
        'Messages to clients per second, stacked by type; the line is the total. One broadcast counts once for each connection it goes to.',
      unit: units.MessagesPerSecond,
      noValue: waiting,
      width: third,
    },
    [
      { expr: ask.sentPerSecond, legend: 'all types' },
      { expr: ask.sentPerSecondByType, legend: '{{type}}' },
    ],
    (panel) => stacked(panel).overrideByName('all types', totalLine(lineColors.sent)),
  )
}

/** Quantiles of the time to an answer. */
export function latency(): Panel {
  return graph(
    {
      title: 'Latency distribution',
      description:
        "p50, p95 and p99 from the client's send time to the answer, for messages that carry their send time, over all replicas; and p99 of the share spent in the service. The dashed line is the alert: p95 above 1 s.",
      unit: units.Seconds,
      noValue: noMessages,
      width: third,
    },
    [
      { expr: ask.latencyP50Seconds, legend: 'p50' },
      { expr: ask.latencyP95Seconds, legend: 'p95' },
      { expr: ask.latencyP99Seconds, legend: 'p99' },
      { expr: ask.handlingP99Seconds, legend: 'p99 in the service' },
    ],
    (panel) => {
      colored({ p50: 'green', p95: 'orange', p99: 'red', 'p99 in the service': 'blue' })(panel)
      alertLine(panel, 1)
    },
  )
}
