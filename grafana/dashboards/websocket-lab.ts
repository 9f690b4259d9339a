/** The home dashboard: the twelve panels that tell whether clients are served while replicas come and go. */

import {
  AxisPlacement,
  GraphThresholdsStyleConfigBuilder,
  GraphThresholdsStyleMode,
  LineInterpolation,
  StackingConfigBuilder,
  StackingMode,
} from '@grafana/grafana-foundation-sdk/common'
import type { Dashboard, Panel, ValueMapping } from '@grafana/grafana-foundation-sdk/dashboard'
import { MappingType, ThresholdsMode } from '@grafana/grafana-foundation-sdk/dashboard'
import * as units from '@grafana/grafana-foundation-sdk/units'
import { grafana, services } from '@lab/contract/endpoints.ts'
import { replicaStates } from '@lab/contract/metrics.ts'
import { stateNumbers } from '@lab/contract/queries.ts'
import { lineColors, noAnswerColor, severityColors, stateColors } from '../lib/colors.ts'
import { panelQueries as ask, dashboard } from '../lib/dashboards.ts'
import { fixedColor, type GraphBuilder, gauge, graph, stateTimeline, text, thresholds, totalLine } from '../lib/panels.ts'

const third = 8

/** What a panel without data says: after a start it only needs a moment. */
const waiting = 'Waiting for the first samples: about 20 s after a replica starts.'
const noMessages = 'No message has been timed yet: start some load.'

/** The shape of a line of text: replicas are told apart by their label. */
const perReplica = '{{replica}}'

/** Builds the dashboard; a new value each time. */
export function websocketLab(): Dashboard {
  const about = {
    uid: grafana.homeDashboardUid,
    title: 'WebSocket Scaling Lab',
    description: 'Connections, messages, scaling and health of all replicas. Totals are sums over replicas.',
    tags: ['websocket-lab'],
  }
  const rows = [
    { lines: [[text('What to run next', nextSteps, 5)]] },
    { title: 'Connection Overview', lines: [[activeConnections(), connectionRate(), connectionsOverTime()]] },
    { title: 'Message Throughput', lines: [[messagesReceived(), messagesSent(), latency()]] },
    { title: 'Scaling Events', lines: [[replicaCount(), cpu(), drops()]] },
    { title: 'System Health', lines: [[replicaStatus(), resources(), errors()]] },
  ]
  return dashboard(about, rows, [
    { name: 'Replica drains', expr: ask.drainingReplicas, color: stateColors.draining, text: `${perReplica} drains` },
    { name: 'Replica started', expr: ask.startedReplicas, color: stateColors.starting, text: `${perReplica} started` },
  ])
}

const nextSteps = `Nothing moves yet? Run one of these beside \`compose.yaml\`, then watch the row it names.

| Run | Watch |
| --- | --- |
| \`docker compose run --rm ${services.k6}\` | **Connection Overview** and **Message Throughput**: 300 connections for a minute |
| \`docker compose up -d --no-deps --no-recreate --scale ${services.ws}=5 ${services.ws}\` | **Scaling Events**: two more replicas within seconds |
| \`docker compose up -d --no-deps --no-recreate --scale ${services.ws}=2 ${services.ws}\` | **Connection drops during scaling**: planned closes, none lost |`

function activeConnections(): Panel {
  return gauge(
    {
      title: 'Active connections',
      description:
        'Connections open now on all replicas together. The dial ends at what they accept in total; orange from 80 %, red from 95 %.',
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

function connectionRate(): Panel {
  return graph(
    {
      title: 'Connection rate',
      description:
        'Connections opened, closed and refused per second, all replicas together. Refused upgrades are answered with an HTTP status.',
      unit: units.CountsPerSecond,
      noValue: waiting,
      width: third,
    },
    [
      { expr: ask.openedPerSecond, legend: 'opened' },
      { expr: ask.closedPerSecond, legend: 'closed' },
      { expr: ask.refusedPerSecond, legend: 'refused' },
    ],
    colored({ opened: lineColors.received, closed: lineColors.sent, refused: lineColors.refused }),
  )
}

function connectionsOverTime(): Panel {
  return graph(
    {
      title: 'Total connections over time',
      description: 'Open connections, stacked by replica. The stack shows how evenly the router spreads them; the line is the total.',
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

function messagesReceived(): Panel {
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

function messagesSent(): Panel {
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

function latency(): Panel {
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

function replicaCount(): Panel {
  return graph(
    {
      title: 'Replica count over time',
      description:
        'Replicas that answer Prometheus, and how many of them are in each state. Draining replicas still serve but take no new connection.',
      unit: units.Short,
      noValue: waiting,
      width: third,
    },
    [
      { expr: ask.replicasUp, legend: 'running' },
      { expr: ask.replicasByState, legend: '{{state}}' },
    ],
    (panel) => {
      panel.decimals(0).lineInterpolation(LineInterpolation.StepAfter).overrideByName('running', totalLine(lineColors.total))
      colored(stateColors)(panel)
    },
  )
}

function cpu(): Panel {
  return graph(
    {
      title: 'CPU utilisation',
      description:
        'CPU time per second of each replica, as a share of one core: a replica runs JavaScript on one core, so about 100 % is its end.',
      unit: units.PercentUnit,
      noValue: waiting,
      width: third,
    },
    [
      { expr: ask.cpuCoresMean, legend: 'mean' },
      { expr: ask.cpuCoresByReplica, legend: perReplica },
    ],
    (panel) => {
      panel.axisSoftMax(1).overrideByName('mean', totalLine(lineColors.total))
      alertLine(panel, 0.8)
    },
  )
}

function drops(): Panel {
  return graph(
    {
      title: 'Connection drops during scaling',
      description:
        'What ends connections while replicas leave, per second. Told to move (goodbye) and closed by drain are planned; a dead peer did not answer its ping; lost has no explanation and should stay at zero.',
      unit: units.CountsPerSecond,
      noValue: waiting,
      width: third,
    },
    [
      { expr: ask.goodbyesPerSecond, legend: 'told to move' },
      { expr: ask.closedByDrainPerSecond, legend: 'closed by drain' },
      { expr: ask.deadPeersPerSecond, legend: 'dead peer' },
      { expr: ask.unexplainedClosesPerSecond, legend: 'lost' },
    ],
    colored({
      'told to move': lineColors.received,
      'closed by drain': lineColors.planned,
      'dead peer': lineColors.refused,
      lost: lineColors.lost,
    }),
  )
}

function replicaStatus(): Panel {
  return stateTimeline(
    {
      title: 'Replica status',
      description: 'The state of each replica over time. Red is a replica that Prometheus knows but that does not answer.',
      unit: units.NoUnit,
      noValue: waiting,
      width: third,
    },
    [{ expr: ask.stateByReplica, legend: perReplica }],
    (panel) => panel.mappings([stateMapping()]),
  )
}

function resources(): Panel {
  return graph(
    {
      title: 'Resource usage',
      description: 'Memory of each replica (left axis) and how busy its event loop is (right axis, dotted; at 100 % messages wait).',
      unit: units.BytesIEC,
      noValue: waiting,
      width: third,
    },
    [
      { expr: ask.residentBytesByReplica, legend: `memory ${perReplica}` },
      { expr: ask.eventLoopUtilizationByReplica, legend: `event loop ${perReplica}` },
    ],
    (panel) =>
      panel.overrideByRegexp('event loop .*', [
        { id: 'unit', value: units.PercentUnit },
        { id: 'max', value: 1 },
        { id: 'custom.axisPlacement', value: AxisPlacement.Right },
        { id: 'custom.lineStyle', value: { fill: 'dot', dash: [0, 8] } },
        { id: 'custom.fillOpacity', value: 0 },
      ]),
  )
}

function errors(): Panel {
  return graph(
    {
      title: 'Error rates',
      description:
        'Errors per second by cause, and refused upgrades by cause. The dashed line is the alert: more than 10 errors per second in total.',
      unit: units.CountsPerSecond,
      noValue: waiting,
      width: third,
    },
    [
      { expr: ask.errorsPerSecond, legend: 'all errors' },
      { expr: ask.errorsPerSecondByCause, legend: '{{cause}}' },
      { expr: ask.refusedPerSecondByCause, legend: 'refused: {{cause}}' },
    ],
    (panel) => {
      panel.overrideByName('all errors', totalLine(lineColors.lost))
      alertLine(panel, 10)
    },
  )
}

function stateMapping(): ValueMapping {
  const states = replicaStates.map((state) => [String(stateNumbers[state]), { text: state, color: stateColors[state] }])
  return { type: MappingType.ValueToText, options: { ...Object.fromEntries(states), 0: { text: 'no answer', color: noAnswerColor } } }
}

function stacked(panel: GraphBuilder): GraphBuilder {
  return panel.stacking(new StackingConfigBuilder().mode(StackingMode.Normal).group('A')).fillOpacity(30).lineWidth(1)
}

/** One colour per series name. */
function colored(colors: Readonly<Record<string, string>>): (panel: GraphBuilder) => void {
  return (panel) => {
    for (const [name, color] of Object.entries(colors)) panel.overrideByName(name, [fixedColor(color)])
  }
}

/** A dashed line where the alert of the same quantity begins. In the panel's unit. */
function alertLine(panel: GraphBuilder, from: number): void {
  panel
    .thresholds(thresholds(ThresholdsMode.Absolute, [{ color: 'transparent' }, { from, color: severityColors.critical }]))
    .thresholdsStyle(new GraphThresholdsStyleConfigBuilder().mode(GraphThresholdsStyleMode.Dashed))
}
