/** Message Throughput panels: message rates and latencies. */
import type { Panel } from '@grafana/grafana-foundation-sdk/dashboard'
import * as units from '@grafana/grafana-foundation-sdk/units'
import { metrics } from '@lab/contract/metrics.ts'
import { lineColors, quantileColors } from '../lib/colors.ts'
import { graph, heatmap, totalLine } from '../lib/panels.ts'
import { panelQueries as ask, replicas } from '../lib/scopes.ts'
import { alertLine, colored, stacked, third, waiting } from '../lib/styles.ts'

const noMessages = 'No message has been timed yet: start some load.'

/** Shows messages per second from clients, by type. */
export function messagesReceived(): Panel {
  return graph(
    {
      title: 'Messages received/s',
      description:
        'How many messages do clients send? Valid messages per second, stacked by type. The line shows the total of all types. Invalid messages are in the Error rates panel.',
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

/** Shows messages per second to clients, by type. */
export function messagesSent(): Panel {
  return graph(
    {
      title: 'Messages sent/s',
      description:
        'How many messages do clients receive? Messages per second, stacked by type. The line shows the total of all types. A broadcast counts once per receiving connection.',
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

/** Shows quantiles of the time from when a client sends a message to when a replica responds. */
export function latency(): Panel {
  return graph(
    {
      title: 'Latency distribution',
      description:
        "How long does a response take? p50, p95 and p99 of the time from a message's send time to its response, for messages that carry a send time. The panel also shows the p99 of the processing time in the service. The dashed line is the alert threshold, a p95 of 1 s. A dot is a traced message and links to its trace.",
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

/** Shows the number of responses, by latency. */
export function latencyHeatmap(): Panel {
  return heatmap(
    {
      title: 'Latency heatmap',
      description:
        'Are slow responses isolated outliers or a separate group? Responses per second from all replicas, by latency. A more intense colour means more responses.',
      unit: units.Seconds,
      noValue: noMessages,
      width: third,
    },
    `sum by (le) (${replicas.perSecond(`${metrics.messageLatency.name}_bucket`)})`,
    true,
  )
}

/** Shows payload bytes per second. */
export function traffic(): Panel {
  return graph(
    {
      title: 'Payload',
      description: 'How large are the messages? Payload bytes per second, without frame and packet headers.',
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
