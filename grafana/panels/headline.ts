/** The row of headline numbers at the top of every dashboard: the state of the lab at a glance. */
import type { Panel } from '@grafana/grafana-foundation-sdk/dashboard'
import { FieldColorBuilder, FieldColorModeId, ThresholdsMode } from '@grafana/grafana-foundation-sdk/dashboard'
import * as units from '@grafana/grafana-foundation-sdk/units'
import { scalerMetrics } from '@lab/contract/scaler-metrics.ts'
import { severityColors } from '../lib/colors.ts'
import { type StatBuilder, smallValues, stat, thresholds } from '../lib/panels.ts'
import { panelQueries as ask, ofService } from '../lib/scopes.ts'

const height = 4
/** On a phone, a sentence would not fit into a headline panel. */
const noValue = 'none'

/** Returns the headline panels, which fill one line. */
export function headline(): Panel[] {
  return [sockets(), replicas(), latency(), errors(), cost(), alerts()]
}

function sockets(): Panel {
  return stat(
    {
      title: 'Sockets',
      description: "How many clients are connected? Open connections of all replicas, and the sum of the replicas' connection limits.",
      unit: units.Short,
      noValue,
      width: 4,
      height,
    },
    [
      { expr: ask.connections, legend: 'now' },
      { expr: ask.connectionsLimit, legend: 'of at most' },
    ],
    (panel) => panel.decimals(0).text(smallValues()),
  )
}

function replicas(): Panel {
  const own = (key: 'statusDesiredReplicas' | 'specMinReplicas' | 'specMaxReplicas') => ofService(scalerMetrics[key].name)
  return stat(
    {
      title: 'Replicas',
      description:
        'Are there as many replicas as needed? Ready replicas, the number of replicas that the scaler wants, and the smallest and largest number that the HPA allows. The last three are shown only while the scaler runs.',
      unit: units.Short,
      noValue,
      width: 6,
      height,
    },
    [
      { expr: ask.replicasReady, legend: 'ready' },
      { expr: own('statusDesiredReplicas'), legend: 'wanted' },
      { expr: own('specMinReplicas'), legend: 'at least' },
      { expr: own('specMaxReplicas'), legend: 'at most' },
    ],
    (panel) => panel.decimals(0).text(smallValues()),
  )
}

function latency(): Panel {
  return stat(
    {
      title: 'p95 latency',
      description:
        "How long do clients wait for a response? p95 of the time from a message's send time to its response; orange from 0.5 s, and red from 1 s, the alert threshold.",
      unit: units.Seconds,
      noValue: 'no messages',
      width: 3,
      height,
    },
    [{ expr: ask.latencyP95Seconds, legend: 'p95' }],
    (panel) => severity(panel, 0.5, 1).decimals(1).text(smallValues()),
  )
}

function errors(): Panel {
  return stat(
    {
      title: 'Errors',
      description:
        'Does anything fail? Errors per second, and unexpected closes of connections per second; orange above 0, and red from 10.',
      unit: units.EventsPerSecond,
      noValue,
      width: 5,
      height,
    },
    [
      { expr: ask.errorsPerSecond, legend: 'errors' },
      { expr: ask.unexplainedClosesPerSecond, legend: 'lost sockets' },
    ],
    (panel) => severity(panel, 0.001, 10).decimals(1).text(smallValues()),
  )
}

function cost(): Panel {
  return stat(
    {
      title: 'Cost per hour now',
      description:
        'What do the running replicas cost? Number of running replicas multiplied by the price per replica-hour of the Scaling page.',
      unit: units.Dollars,
      noValue,
      width: 3,
      height,
    },
    [{ expr: `$price * (${ask.replicasRunning})`, legend: 'per hour' }],
    (panel) => panel.decimals(2).text(smallValues()),
  )
}

function alerts(): Panel {
  return stat(
    {
      title: 'Firing alerts',
      description: 'Is anything wrong right now? Number of firing alerts, without Watchdog, which always fires. The home page lists them.',
      unit: units.Short,
      noValue,
      width: 3,
      height,
    },
    [{ expr: 'count(ALERTS{alertstate="firing", severity!="none"}) or vector(0)', legend: 'firing' }],
    (panel) => severity(panel, 1, 1).decimals(0).text(smallValues()),
  )
}

/** Colours a value by its severity. */
function severity(panel: StatBuilder, warning: number, critical: number): StatBuilder {
  const steps = [
    { color: severityColors.fine },
    { from: warning, color: severityColors.warning },
    { from: critical, color: severityColors.critical },
  ]
  return panel.thresholds(thresholds(ThresholdsMode.Absolute, steps)).colorScheme(new FieldColorBuilder().mode(FieldColorModeId.Thresholds))
}
