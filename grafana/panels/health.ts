/** System Health panels: the replicas' state, resource usage and errors. */
import { AxisPlacement } from '@grafana/grafana-foundation-sdk/common'
import type { Panel } from '@grafana/grafana-foundation-sdk/dashboard'
import { MappingType, type ValueMapping } from '@grafana/grafana-foundation-sdk/dashboard'
import * as units from '@grafana/grafana-foundation-sdk/units'
import { replicaStates } from '@lab/contract/metrics.ts'
import { stateNumbers } from '@lab/contract/queries.ts'
import { lineColors, noAnswerColor, stateColors } from '../lib/colors.ts'
import { graph, stateTimeline, totalLine } from '../lib/panels.ts'
import { panelQueries as ask } from '../lib/scopes.ts'
import { alertLine, perReplica, third, waiting } from '../lib/styles.ts'

/** Shows the state of each replica over time. */
export function replicaStatus(width = third): Panel {
  return stateTimeline(
    {
      title: 'Replica status',
      description:
        "In which state is each replica? Red means that Prometheus has discovered the replica but cannot scrape it. A replica's bar ends when the replica is removed.",
      unit: units.NoUnit,
      noValue: waiting,
      width,
    },
    [{ expr: ask.stateByReplica, legend: perReplica }],
    (panel) => panel.mappings([stateMapping()]),
  )
}

/** Shows the memory usage and event loop utilization of each replica. */
export function resources(): Panel {
  return graph(
    {
      title: 'Resource usage',
      description:
        'Which replica is running out of resources? Memory usage of each replica (left axis) and utilization of its event loop (right axis, dotted). At 100 %, messages have to wait for the event loop.',
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

/** Shows errors and refused upgrades per second, by cause. */
export function errors(width = third): Panel {
  return graph(
    {
      title: 'Error rates',
      description:
        'Which errors occur? Errors per second and refused upgrades per second, by cause. The dashed line is the alert threshold: 10 errors per second in total.',
      unit: units.EventsPerSecond,
      noValue: waiting,
      width,
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
