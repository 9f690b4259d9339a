/** System Health: the state of each replica, what it uses, what goes wrong. */
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

/** State of each replica over time. */
export function replicaStatus(width = third): Panel {
  return stateTimeline(
    {
      title: 'Replica status',
      description:
        'Who serves, who leaves, who is gone? The state of each replica over time. Red is a replica that Prometheus knows but that does not answer; where its bar ends, it is gone.',
      unit: units.NoUnit,
      noValue: waiting,
      width,
    },
    [{ expr: ask.stateByReplica, legend: perReplica }],
    (panel) => panel.mappings([stateMapping()]),
  )
}

/** Memory and event loop of each replica. */
export function resources(): Panel {
  return graph(
    {
      title: 'Resource usage',
      description:
        'Which replica is short of something? Memory of each replica (left axis) and how busy its event loop is (right axis, dotted; at 100 % messages wait).',
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

/** Errors and refusals per second, by cause. */
export function errors(): Panel {
  return graph(
    {
      title: 'Error rates',
      description:
        'What goes wrong? Errors per second by cause, and refused upgrades by cause. The dashed line is the alert: more than 10 errors per second in total.',
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
