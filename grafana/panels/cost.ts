/** Panels that show what the replicas cost, at a price that the viewer sets. */
import type { Panel } from '@grafana/grafana-foundation-sdk/dashboard'
import * as units from '@grafana/grafana-foundation-sdk/units'
import { standardMetrics } from '@lab/contract/queries.ts'
import { scalerMetrics } from '@lab/contract/scaler-metrics.ts'
import { countColors } from '../lib/colors.ts'
import { graph, smallValues, stat } from '../lib/panels.ts'
import { panelQueries as ask, ofService, replicas } from '../lib/scopes.ts'
import { colored, third, waiting } from '../lib/styles.ts'
import { numberVariable } from '../lib/variables.ts'

/**
 * Price of one replica per hour, in the panels' currency. The default price is roughly what a large cloud provider charges for 0.5 vCPU and
 * 512 MiB.
 */
export const price = numberVariable('price', 'Price per replica-hour', 0.03)

/** Interval, in seconds, at which replicas are counted to compute the cost over a time range. */
const countEverySeconds = 15
const running = `count(${replicas.select(standardMetrics.up)})`
const most = ofService(scalerMetrics.specMaxReplicas.name)

/**
 * Returns a query for the cost over the dashboard's time range: the price multiplied by the replica-hours, which are computed from a
 * replica count.
 */
const spent = (count: string) => `$price * sum_over_time((${count})[$__range:${countEverySeconds}s]) * ${countEverySeconds} / 3600`

/** Shows the cost per hour, now and with the maximum number of replicas. */
export function costPerHour(width = third): Panel {
  return graph(
    {
      title: 'Cost per hour',
      description:
        'What do the replicas cost? Number of running replicas multiplied by the price per replica-hour, which is set at the top of the page. A second series shows the cost of maxReplicas replicas, which is the cost without a scaler.',
      unit: units.Dollars,
      noValue: waiting,
      width,
    },
    [
      { expr: `$price * (${ask.replicasRunning})`, legend: 'running' },
      { expr: `$price * ${most}`, legend: 'at the maximum' },
    ],
    (panel) => {
      panel.decimals(2)
      colored({ 'at the maximum': countColors.limit })(panel)
    },
  )
}

/** Shows the cost over the dashboard's time range. */
export function costOfRange(width = third): Panel {
  return stat(
    {
      title: 'Cost over the time range',
      description:
        "How much did the scaler save? Cost of all replicas over the page's time range, and what maxReplicas replicas would have cost while the scaler was running. The cost is computed from the number of replicas, which is sampled every 15 s.",
      unit: units.Dollars,
      noValue: waiting,
      width,
    },
    [
      { expr: spent(running), legend: 'spent' },
      { expr: spent(most), legend: 'at the maximum' },
    ],
    (panel) => panel.decimals(3).text(smallValues()),
  )
}

/** Shows the hourly cost per 1,000 connections. */
export function costPerConnection(): Panel {
  return graph(
    {
      title: 'Hourly cost per 1,000 connections',
      description:
        'Are the replicas used efficiently? Cost per hour of 1,000 connections. The cost per connection falls as the number of connections per replica rises.',
      unit: units.Dollars,
      noValue: 'No client is connected: start some load.',
      width: third,
    },
    [{ expr: `1000 * $price * ${running} / (${ask.connections} > 0)`, legend: 'per 1,000 connections' }],
    (panel) => panel.decimals(2),
  )
}
