/** Message Throughput: how much is said, and how fast it is answered. */
import type { Panel } from '@grafana/grafana-foundation-sdk/dashboard'
import * as units from '@grafana/grafana-foundation-sdk/units'
import { metrics } from '@lab/contract/metrics.ts'
import { lineColors, quantileColors } from '../lib/colors.ts'
import { graph, heatmap, totalLine } from '../lib/panels.ts'
import { panelQueries as ask, replicas } from '../lib/scopes.ts'
import { alertLine, colored, stacked, third, waiting } from '../lib/styles.ts'

const noMessages = 'No message has been timed yet: start some load.'

/** Messages from clients per second, by type. */
export function messagesReceived(): Panel {
  return graph(
    {
      title: 'Messages received/s',
      description:
        'How much do clients say? Messages per second that were understood, stacked by type; the line is the total. What was not understood is under Error rates.',
      unit: units.MessagesPerSecond,
      noValue: waiting,
      width: third,
    },
    [
      { expr: ask.receivedPerSecond, legend: 'all received' },
      { expr: ask.receivedPerSecondByType, legend: '{{type}}' },
    ],
    (panel) => stacked(panel).overrideByName('all received', totalLine(lineColors.received)),
  )
}

/** Messages to clients per second, by type. */
export function messagesSent(): Panel {
  return graph(
    {
      title: 'Messages sent/s',
      description:
        'How much do clients hear? Messages to them per second, stacked by type; the line is the total. One broadcast counts once for each connection it goes to.',
      unit: units.MessagesPerSecond,
      noValue: waiting,
      width: third,
    },
    [
      { expr: ask.sentPerSecond, legend: 'all sent' },
      { expr: ask.sentPerSecondByType, legend: '{{type}}' },
    ],
    (panel) => stacked(panel).overrideByName('all sent', totalLine(lineColors.sent)),
  )
}

/** Quantiles of the time to an answer. */
export function latency(): Panel {
  return graph(
    {
      title: 'Latency distribution',
      description:
        "How long does an answer take? p50, p95 and p99 from the client's send time to the answer, for messages that carry their send time, over all replicas; and p99 of the share spent in the service. The dashed line is the alert: p95 above 1 s. A dot is a message that was traced, and leads to its trace.",
      unit: units.Seconds,
      noValue: noMessages,
      width: third,
    },
    [
      { expr: ask.latencyP50Seconds, legend: 'p50' },
      { expr: ask.latencyP95Seconds, legend: 'p95', exemplar: true },
      { expr: ask.latencyP99Seconds, legend: 'p99' },
      { expr: ask.handlingP99Seconds, legend: 'p99 in the service' },
    ],
    (panel) => {
      colored({ ...quantileColors, 'p99 in the service': 'blue' })(panel)
      alertLine(panel, 1)
    },
  )
}

/** Answers by how long they took. */
export function latencyHeatmap(): Panel {
  return heatmap(
    {
      title: 'Latency heatmap',
      description:
        "Are slow answers a few outliers or a second group? Answers per second by the time since the client's sending, over all replicas; the stronger the colour, the more.",
      unit: units.Seconds,
      noValue: noMessages,
      width: third,
    },
    `sum by (le) (${replicas.perSecond(`${metrics.messageLatency.name}_bucket`)})`,
    true,
  )
}

/** Payload bytes per second. */
export function traffic(): Panel {
  return graph(
    {
      title: 'Payload',
      description: 'What do the messages weigh? Bytes of payload per second, without the headers of frames and packets.',
      unit: units.BytesPerSecondIEC,
      noValue: waiting,
      width: third,
    },
    [
      { expr: `sum(${replicas.perSecond(metrics.bytesReceived.name)})`, legend: 'received' },
      { expr: `sum(${replicas.perSecond(metrics.bytesSent.name)})`, legend: 'sent' },
    ],
    colored({ received: lineColors.received, sent: lineColors.sent }),
  )
}
