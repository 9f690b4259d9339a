/** What the replicas cost, at a price that the viewer sets. */
import type { Panel } from '@grafana/grafana-foundation-sdk/dashboard'
import * as units from '@grafana/grafana-foundation-sdk/units'
import { standardMetrics } from '@lab/contract/queries.ts'
import { scalerMetrics } from '@lab/contract/scaler-metrics.ts'
import { countColors } from '../lib/colors.ts'
import { graph, stat } from '../lib/panels.ts'
import { panelQueries as ask, replicas, scaler } from '../lib/scopes.ts'
import { colored, third, waiting } from '../lib/styles.ts'
import { numberVariable } from '../lib/variables.ts'

/** Price of one replica for an hour, in the currency of the panels: some 0.5 vCPU and 512 MiB at a large provider. */
export const price = numberVariable('price', 'Price per replica-hour', 0.03)

/** Replicas are counted this often for what has been spent. */
const countEverySeconds = 15
const up = `count(${replicas.select(standardMetrics.up)} == 1)`
const most = `max(${scaler.select(scalerMetrics.specMaxReplicas.name)})`

/** Price times hours: of counts taken over the range that is shown. */
const spent = (count: string) => `$price * sum_over_time((${count})[$__range:${countEverySeconds}s]) * ${countEverySeconds} / 3600`

/** What an hour costs now, and what it would at the maximum. */
export function costPerHour(): Panel {
  return graph(
    {
      title: 'Cost per hour',
      description:
        'What does this number of replicas cost? Running replicas times the price per replica-hour set at the top of the page; and what the maximum would cost, which is what running without a scaler means.',
      unit: units.Dollars,
      noValue: waiting,
      width: third,
    },
    [
      { expr: `$price * (${ask.replicasUp})`, legend: 'running' },
      { expr: `$price * ${most}`, legend: 'at the maximum' },
    ],
    (panel) => {
      panel.decimals(2)
      colored({ 'at the maximum': countColors.limit })(panel)
    },
  )
}

/** What the shown time has cost. */
export function costOfRange(): Panel {
  return stat(
    {
      title: 'Cost of the time shown',
      description:
        'What was saved? Cost of all replicas over the time range of the page, and what the maximum number would have cost while the scaler ran. Replicas are counted every 15 s.',
      unit: units.Dollars,
      noValue: waiting,
      width: third,
    },
    [
      { expr: spent(up), legend: 'spent' },
      { expr: spent(most), legend: 'at the maximum' },
    ],
    (panel) => panel.decimals(4),
  )
}

/** What one connection costs. */
export function costPerConnection(): Panel {
  return graph(
    {
      title: 'Cost per 1,000 connections and hour',
      description: 'Are the replicas well used? Cost per hour over connections, for a thousand of them: it falls as replicas fill.',
      unit: units.Dollars,
      noValue: 'Nobody is connected: start some load.',
      width: third,
    },
    [{ expr: `1000 * $price * ${up} / (${ask.connections} > 0)`, legend: 'per 1,000 connections' }],
    (panel) => panel.decimals(3),
  )
}
