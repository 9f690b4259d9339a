/**
 * Panels about the traffic that Traefik counts. Traefik counts a WebSocket as a request, with code 0, only when it closes, so the number of
 * open WebSockets comes from a different metric. Traefik has no reliable count of retries, and sometimes leaves a removed server's series
 * at 1 instead of dropping it.
 */
import type { Panel } from '@grafana/grafana-foundation-sdk/dashboard'
import * as units from '@grafana/grafana-foundation-sdk/units'
import { metrics } from '@lab/contract/metrics.ts'
import { standardMetrics } from '@lab/contract/queries.ts'
import { lineColors, systemColors } from '../lib/colors.ts'
import { graph, totalLine } from '../lib/panels.ts'
import { panelQueries as ask, replicas, traefik } from '../lib/scopes.ts'
import { colored, stacked, third, waiting } from '../lib/styles.ts'

/** Traefik's entry points for clients, excluding those for the dashboards and for metrics. */
const entries = 'entrypoint=~"web|websecure|load"'
const open = `sum(${traefik.select('traefik_open_connections', entries)})`
const noTraefik = 'Traefik does not answer Prometheus.'

/** Shows open connections at each of Traefik's entry points. */
export function openByEntry(): Panel {
  return graph(
    {
      title: 'Open connections by protocol',
      description:
        'Through which entry points do clients connect? Open TCP connections of each Traefik entry point: web accepts HTTP and WebSocket, websecure accepts both over TLS, and load is for the load generator.',
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

/** Shows the open connections at Traefik's entry points, minus those at the replicas. */
export function routedAgainstHeld(): Panel {
  return graph(
    {
      title: 'Routed against held',
      description:
        'Does each Traefik connection have a matching connection on a replica? Without traffic, Traefik and the replicas count the same number of connections, so the difference is 0. The difference is positive while handshakes are in progress or clients have plain HTTP connections open, which they keep open for up to 60 s. The difference is negative if Traefik has lost connections. Under load, the difference fluctuates, because Prometheus scrapes Traefik and the replicas a few seconds apart.',
      unit: units.Short,
      noValue: noTraefik,
      width: third,
    },
    [
      { expr: open, legend: 'routed' },
      { expr: `sum(${replicas.select(metrics.connectionsActive.name)})`, legend: 'held' },
      { expr: `${open} - sum(${replicas.select(metrics.connectionsActive.name)})`, legend: 'difference' },
    ],
    (panel) => {
      panel.decimals(0)
      colored({ routed: systemColors.traefik, held: systemColors.replicas })(panel)
      panel.overrideByName('difference', totalLine(lineColors.lost)).overrideByName('difference', [{ id: 'min', value: null }])
    },
  )
}

/** Shows plain HTTP requests and closed sockets, by status code. */
export function requestsByCode(): Panel {
  return graph(
    {
      title: 'Requests at the edge',
      description:
        'Which status codes does Traefik return? Requests per second by protocol and status. Traefik counts a WebSocket when it ends, without a code, and a refused upgrade immediately, with its HTTP status. Retries on another replica are not counted, because Traefik has no reliable count of retries.',
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
    (panel) => stacked(panel).overrideByName('websocket 0', [{ id: 'displayName', value: 'WebSocket that ended' }]),
  )
}

/** Shows the number of ready replicas, and the number of replicas in Traefik's pool. */
export function pool(): Panel {
  return graph(
    {
      title: 'Ready and routed replicas',
      description:
        'Does Traefik route to every ready replica? If Traefik routes to fewer replicas than are ready, some replicas get no traffic, and an alert fires. It is harmless if more replicas appear to be routed than are ready, because Traefik sometimes retains the series of a removed server.',
      unit: units.Short,
      noValue: noTraefik,
      width: third,
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

/** Shows Traefik's configuration reloads. */
export function reloads(): Panel {
  return graph(
    {
      title: 'Configuration reloads',
      description:
        'When did Traefik load a new configuration? Reloads per second. Each added or removed replica causes some reloads. Reloads do not affect open sockets.',
      unit: units.EventsPerSecond,
      noValue: noTraefik,
      width: third,
    },
    [{ expr: `sum(${traefik.perSecond('traefik_config_reloads_total')})`, legend: 'reloads' }],
    colored({ reloads: systemColors.traefik }),
  )
}

/** Shows the plain HTTP requests that the replicas serve. */
export function httpAtReplicas(): Panel {
  return graph(
    {
      title: 'HTTP requests to the replicas',
      description:
        'Which plain HTTP requests do replicas serve? Requests per second on the public port, by route and status. Health checks and scrapes use a different port and are not counted.',
      unit: units.RequestsPerSecond,
      noValue: waiting,
      width: third,
    },
    [{ expr: `sum by (route, status) (${replicas.perSecond(metrics.httpRequests.name)})`, legend: '{{route}} {{status}}' }],
    stacked,
  )
}

/** Shows the CPU usage of Traefik and of all replicas. */
export function edgeCpu(): Panel {
  return graph(
    {
      title: 'CPU of the router and the replicas',
      description:
        'Is Traefik or the service the bottleneck? CPU cores that Traefik uses (two at most), and CPU cores that all replicas use together.',
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

/** Shows WebSocket upgrades that reach the replicas. */
export function upgradesAtReplicas(): Panel {
  return graph(
    {
      title: 'Upgrades at the replicas',
      description: 'How many handshakes reach a replica? Opened connections per second, and refused upgrades per second, by cause.',
      unit: units.EventsPerSecond,
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
