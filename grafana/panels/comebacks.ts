/** Panels that show why connections close, how long they were open, and whether clients resume their sessions. */
import type { Panel } from '@grafana/grafana-foundation-sdk/dashboard'
import * as units from '@grafana/grafana-foundation-sdk/units'
import { metrics } from '@lab/contract/metrics.ts'
import { closeColors, lineColors } from '../lib/colors.ts'
import { graph, heatmap } from '../lib/panels.ts'
import { panelQueries as ask, replicas, traefik } from '../lib/scopes.ts'
import { colored, perReplica, stacked, third, waiting } from '../lib/styles.ts'

const { select, perSecond } = replicas

/** Shows closed connections per second, by cause. */
export function closesByCause(width = third): Panel {
  return graph(
    {
      title: 'Closes by cause',
      description:
        'Why do connections close? Closes per second, stacked by cause. Red closes are unexpected, orange closes come from draining replicas, and green closes are normal.',
      unit: units.EventsPerSecond,
      noValue: 'No connection has closed yet.',
      width,
    },
    [{ expr: `sum by (cause) (${perSecond(metrics.connectionsClosed.name)})`, legend: '{{cause}}' }],
    (panel) => colored(closeColors)(stacked(panel)),
  )
}

/** Shows how long closed connections had been open. */
export function connectionDuration(): Panel {
  return heatmap(
    {
      title: 'Connection duration',
      description:
        'How long were connections open when they closed? Connections closed per second, grouped by how long they were open. A more intense colour means that more connections closed.',
      unit: units.Seconds,
      noValue: 'No connection has closed yet.',
      width: third,
    },
    `sum by (le) (${perSecond(`${metrics.connectionDuration.name}_bucket`)})`,
  )
}

/** Shows the rates of requests to reconnect, by reason, and of resume requests, by result. */
export function resumes(): Panel {
  return graph(
    {
      title: 'Reconnects and resumes',
      description:
        'Do clients resume their sessions? "Asked to reconnect" counts clients that a replica asked to connect to a different replica, because of a drain or to balance the load. The remaining series show resume requests per second, by result. The result "resumed" means that no message is missing, and the result "gap" means that messages are missing. With any other result, the client gets a new session.',
      unit: units.EventsPerSecond,
      noValue: waiting,
      width: third,
    },
    [
      { expr: `sum by (reason) (${perSecond(metrics.goodbyes.name)})`, legend: 'asked to reconnect: {{reason}}' },
      { expr: `sum by (result) (${perSecond(metrics.sessionsResumed.name)})`, legend: '{{result}}' },
    ],
    colored({
      'asked to reconnect: draining': lineColors.planned,
      'asked to reconnect: rebalancing': lineColors.asked,
      resumed: 'green',
      gap: lineColors.lost,
    }),
  )
}

/** Shows the number of sessions that can be resumed. */
export function sessionsHeld(): Panel {
  return graph(
    {
      title: 'Sessions held',
      description:
        'How many disconnected sessions can still be resumed? The number of sessions returns to zero after a wave of reconnects.',
      unit: units.Short,
      noValue: waiting,
      width: third,
    },
    [{ expr: `sum by (replica) (${select(metrics.sessionsHeld.name)})`, legend: perReplica }],
    (panel) => stacked(panel).decimals(0),
  )
}

/** Shows how many missed messages per second replicas send to resumed sessions. */
export function replayed(): Panel {
  return graph(
    {
      title: 'Messages replayed/s',
      description:
        'How many messages did clients miss while they were disconnected? Messages per second that replicas send to resumed sessions.',
      unit: units.MessagesPerSecond,
      noValue: waiting,
      width: third,
    },
    [{ expr: `sum(${perSecond(metrics.messagesReplayed.name)})`, legend: 'replayed' }],
    colored({ replayed: lineColors.sent }),
  )
}

/** Shows upgrades that a replica refused, and handshakes that reached no replica. */
export function connectionFailures(): Panel {
  // Traefik creates a status code's series only when it sends the first response with that code.
  const turnedAway = `(sum(${traefik.perSecond('traefik_entrypoint_requests_total', 'protocol="websocket", code=~"5.."')}) or vector(0))`
  return graph(
    {
      title: 'Connection failures',
      description:
        'How many connection attempts fail? Upgrades that a replica refused, and handshakes to which Traefik responded with 5xx because no replica was available, each as a percentage of all attempts.',
      unit: units.PercentUnit,
      noValue: 'No client tries to connect: start some load.',
      width: third,
    },
    [
      { expr: `${ask.refusedPerSecond} / (${ask.refusedPerSecond} + ${ask.openedPerSecond} > 0)`, legend: 'refused' },
      { expr: `${turnedAway} / ((${ask.openedPerSecond} or vector(0)) + ${turnedAway} > 0)`, legend: 'no replica' },
    ],
    (panel) => {
      panel.axisSoftMax(0.05)
      colored({ refused: lineColors.refused, 'no replica': lineColors.lost })(panel)
    },
  )
}
