/**
 * What Traefik sees. It counts a WebSocket as a request only when it closes, under code 0, so open ones are counted otherwise.
 * Of its retries it says nothing, and of the replicas in its pool too much: now and then the series of a server that is gone
 * stays there, at 1.
 */
import type { Panel } from '@grafana/grafana-foundation-sdk/dashboard'
import * as units from '@grafana/grafana-foundation-sdk/units'
import { metrics } from '@lab/contract/metrics.ts'
import { standardMetrics } from '@lab/contract/queries.ts'
import { lineColors, quantileColors, systemColors } from '../lib/colors.ts'
import { graph, totalLine } from '../lib/panels.ts'
import { panelQueries as ask, replicas, traefik } from '../lib/scopes.ts'
import { colored, half, stacked, third, waiting } from '../lib/styles.ts'

/** Entry points that clients use; not the dashboard's and not the one for metrics. */
const entries = 'entrypoint=~"web|websecure|load"'
const open = `sum(${traefik.select('traefik_open_connections', entries)})`
const noTraefik = 'Traefik does not answer Prometheus.'

/** Open connections at the entry points. */
export function openByEntry(): Panel {
  return graph(
    {
      title: 'Open connections by protocol',
      description:
        'Where do clients come in? Connections open at each of Traefik’s entry points: web is HTTP and WebSocket, websecure the same under TLS, load the way of the load generator. Below that, all is TCP.',
      unit: units.Short,
      noValue: noTraefik,
      width: third,
    },
    [
      {
        expr: `sum by (entrypoint, protocol) (${traefik.select('traefik_open_connections', entries)})`,
        legend: '{{entrypoint}} ({{protocol}})',
      },
    ],
    (panel) => stacked(panel).decimals(0),
  )
}

/** Connections at the entry points against connections at the replicas. */
export function routedAgainstHeld(): Panel {
  return graph(
    {
      title: 'Routed against held',
      description:
        'Is every connection that Traefik holds one that a replica holds? At rest they are 0 apart. Above: plain HTTP connections, which clients keep for up to 60 s, or sockets on their way. Below: Traefik has lost its end. While many come and go, the two scrapes are seconds apart.',
      unit: units.Short,
      noValue: noTraefik,
      width: third,
    },
    [
      { expr: open, legend: 'routed' },
      { expr: `sum(${replicas.select(metrics.connectionsActive.name)})`, legend: 'held' },
      { expr: `${open} - sum(${replicas.select(metrics.connectionsActive.name)})`, legend: 'apart' },
    ],
    (panel) => {
      panel.decimals(0)
      colored({ routed: systemColors.traefik, held: systemColors.replicas })(panel)
      panel.overrideByName('apart', totalLine(lineColors.lost)).overrideByName('apart', [{ id: 'min', value: null }])
    },
  )
}

/** Plain HTTP and ended sockets by code. */
export function requestsByCode(): Panel {
  return graph(
    {
      title: 'Requests at the edge',
      description:
        'What does the router answer? Requests per second by protocol and status. An upgraded socket counts when it ends, with code 0; a refused upgrade counts at once, with its status. A try that was repeated at another replica is not counted: Traefik has no true number of its retries.',
      unit: units.RequestsPerSecond,
      noValue: 'No request has been answered yet: start some load.',
      width: third,
    },
    [
      {
        expr: `sum by (protocol, code) (${traefik.perSecond('traefik_entrypoint_requests_total', entries)})`,
        legend: '{{protocol}} {{code}}',
      },
    ],
    stacked,
  )
}

/** Time to answer plain HTTP. */
export function httpLatency(): Panel {
  const name = 'traefik_entrypoint_request_duration_seconds'
  const plain = `protocol!="websocket", ${entries}`
  return graph(
    {
      title: 'HTTP latency at the edge',
      description:
        'How fast is plain HTTP? p50, p95 and p99 of requests at the entry points. Sockets are left out: their duration is their life.',
      unit: units.Seconds,
      noValue: 'No plain request within the last scrapes: open the lab’s page.',
      width: half,
    },
    [
      { expr: traefik.quantile(0.5, name, plain), legend: 'p50' },
      { expr: traefik.quantile(0.95, name, plain), legend: 'p95' },
      { expr: traefik.quantile(0.99, name, plain), legend: 'p99' },
    ],
    colored(quantileColors),
  )
}

/** Replicas that want sockets, and those that Traefik would send some to. */
export function pool(): Panel {
  return graph(
    {
      title: 'Ready against routed to',
      description:
        'Does the router know every replica that is ready? More ready than routed to is the alert: some get no traffic. More routed to than ready proves nothing: now and then Traefik goes on to show a server that is gone.',
      unit: units.Short,
      noValue: noTraefik,
      width: half,
    },
    [
      { expr: `sum(${replicas.select(metrics.replicaState.name, 'state="ready"')})`, legend: 'ready' },
      { expr: `count(${traefik.select('traefik_service_server_up', 'service="ws@docker"')} == 1) or vector(0)`, legend: 'routed to' },
    ],
    (panel) => {
      panel.decimals(0)
      colored({ ready: systemColors.replicas, 'routed to': systemColors.traefik })(panel)
    },
  )
}

/** How often Traefik took over a new configuration. */
export function reloads(): Panel {
  return graph(
    {
      title: 'Configuration reloads',
      description:
        'When did the router learn of a change? Reloads per second: each replica that comes or goes causes some. Open sockets live through them.',
      unit: units.CountsPerSecond,
      noValue: noTraefik,
      width: half,
    },
    [{ expr: `sum(${traefik.perSecond('traefik_config_reloads_total')})`, legend: 'reloads' }],
    colored({ reloads: systemColors.traefik }),
  )
}

/** Plain HTTP at the replicas. */
export function httpAtReplicas(): Panel {
  return graph(
    {
      title: 'HTTP at the replicas',
      description:
        'What besides sockets do replicas serve? Plain requests per second on the public port, by route and status. Health checks and scrapes have a port of their own.',
      unit: units.RequestsPerSecond,
      noValue: waiting,
      width: half,
    },
    [{ expr: `sum by (route, status) (${replicas.perSecond(metrics.httpRequests.name)})`, legend: '{{route}} {{status}}' }],
    stacked,
  )
}

/** CPU of Traefik beside that of all replicas. */
export function edgeCpu(): Panel {
  return graph(
    {
      title: 'CPU of router and replicas',
      description: 'Which of the two is the bottleneck? CPU time per second: Traefik, which may use two cores, and all replicas together.',
      unit: units.Short,
      noValue: noTraefik,
      width: third,
    },
    [
      { expr: `sum(${traefik.perSecond(standardMetrics.cpuSeconds)})`, legend: 'Traefik' },
      { expr: `sum(${replicas.perSecond(standardMetrics.cpuSeconds)})`, legend: 'replicas' },
    ],
    colored({ Traefik: systemColors.traefik, replicas: systemColors.replicas }),
  )
}

/** Upgrades at the replicas, beside the generator's view. */
export function upgradesAtReplicas(): Panel {
  return graph(
    {
      title: 'Upgrades at the replicas',
      description: 'How many handshakes get as far as a replica? Per second: opened, and refused by cause.',
      unit: units.CountsPerSecond,
      noValue: waiting,
      width: third,
    },
    [
      { expr: ask.openedPerSecond, legend: 'opened' },
      { expr: ask.refusedPerSecondByCause, legend: 'refused: {{cause}}' },
    ],
    colored({ opened: lineColors.received }),
  )
}
