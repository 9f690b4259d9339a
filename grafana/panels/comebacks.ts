/** Why connections end, how long they lasted, and whether their clients come back to where they were. */
import type { Panel } from '@grafana/grafana-foundation-sdk/dashboard'
import * as units from '@grafana/grafana-foundation-sdk/units'
import { metrics } from '@lab/contract/metrics.ts'
import { closeColors, lineColors } from '../lib/colors.ts'
import { graph, heatmap } from '../lib/panels.ts'
import { panelQueries as ask, replicas, traefik } from '../lib/scopes.ts'
import { colored, perReplica, stacked, third, waiting } from '../lib/styles.ts'

const { select, perSecond } = replicas

/** Closes per second, by cause. */
export function closesByCause(): Panel {
  return graph(
    {
      title: 'Closes by cause',
      description:
        'Why do connections end? Per second, stacked by cause. Red is lost: nobody planned it. Orange is a replica that leaves; green is as agreed.',
      unit: units.CountsPerSecond,
      noValue: 'No connection has closed yet.',
      width: third,
    },
    [{ expr: `sum by (cause) (${perSecond(metrics.connectionsClosed.name)})`, legend: '{{cause}}' }],
    (panel) => colored(closeColors)(stacked(panel)),
  )
}

/** How long the connections that close have been open. */
export function connectionDuration(): Panel {
  return heatmap(
    {
      title: 'Connection duration',
      description:
        'How long had the connections been open that closed? Per second, by duration; the stronger the colour, the more of them.',
      unit: units.Seconds,
      noValue: 'No connection has closed yet.',
      width: third,
    },
    `sum by (le) (${perSecond(`${metrics.connectionDuration.name}_bucket`)})`,
  )
}

/** Connections that were sent elsewhere, and the answers to those who ask for their session. */
export function resumes(): Panel {
  return graph(
    {
      title: 'Reconnects and resumes',
      description:
        'Do clients find their session again? Told to move: connections that were asked to come back elsewhere, because the replica leaves or to even out. The others are attempts to resume, per second by result: resumed is whole, gap has lost messages, the rest begin anew.',
      unit: units.CountsPerSecond,
      noValue: waiting,
      width: third,
    },
    [
      { expr: `sum by (reason) (${perSecond(metrics.goodbyes.name)})`, legend: 'told to move: {{reason}}' },
      { expr: `sum by (result) (${perSecond(metrics.sessionsResumed.name)})`, legend: '{{result}}' },
    ],
    colored({
      'told to move: draining': lineColors.planned,
      'told to move: rebalancing': lineColors.received,
      resumed: 'green',
      gap: lineColors.lost,
    }),
  )
}

/** Sessions that wait for their client. */
export function sessionsHeld(): Panel {
  return graph(
    {
      title: 'Sessions held',
      description: 'How many sessions wait for a client that lost its connection? After a wave of reconnects this returns to zero.',
      unit: units.Short,
      noValue: waiting,
      width: third,
    },
    [{ expr: `sum by (replica) (${select(metrics.sessionsHeld.name)})`, legend: perReplica }],
    (panel) => stacked(panel).decimals(0),
  )
}

/** Messages sent again to who came back. */
export function replayed(): Panel {
  return graph(
    {
      title: 'Messages replayed/s',
      description: 'What did clients miss while they were away? Messages sent again to resumed sessions, per second.',
      unit: units.MessagesPerSecond,
      noValue: waiting,
      width: third,
    },
    [{ expr: `sum(${perSecond(metrics.messagesReplayed.name)})`, legend: 'replayed' }],
    colored({ replayed: lineColors.sent }),
  )
}

/** Upgrades that were refused, and those that reached no replica. */
export function connectionFailures(): Panel {
  // Traefik has no series of a code before its first one.
  const turnedAway = `(sum(${traefik.perSecond('traefik_entrypoint_requests_total', 'protocol="websocket", code=~"5.."')}) or vector(0))`
  return graph(
    {
      title: 'Connection failures',
      description:
        'How many of those who try do not get in? Upgrades that a replica refused, and handshakes that the router answered with 5xx because no replica could take them, each as a share of all.',
      unit: units.PercentUnit,
      noValue: 'Nobody tries to connect: start some load.',
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
