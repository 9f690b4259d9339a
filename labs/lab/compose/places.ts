/** Builds the URLs of the lab's pages from the ports that the lab publishes. */
import { type hostPorts, ports, services } from '@lab/contract/endpoints.ts'

/** A page of the lab, with its service and its published port. */
export interface Place {
  /** Name of the page, as passed to `./lab open`. */
  word: string
  /** The service that serves the page. For every page, Traefik publishes a host port and forwards requests to the page's service. */
  service: string
  /** Port number inside the Traefik container. */
  target: number
  variable: keyof typeof hostPorts
  what: string
  scheme?: 'https'
}

export const places: readonly Place[] = [
  { word: 'page', service: services.traefik, target: 8000, variable: 'LAB_PORT', what: 'test client page, sockets at /ws' },
  { word: 'tls', service: services.traefik, target: 8443, variable: 'LAB_TLS_PORT', what: 'test client page over TLS', scheme: 'https' },
  {
    word: 'live',
    service: services.live,
    target: ports.live,
    variable: 'LIVE_PORT',
    what: 'the live page: sockets per replica, decisions, load',
  },
  {
    word: 'grafana',
    service: services.grafana,
    target: 3000,
    variable: 'GRAFANA_PORT',
    what: 'Grafana, opened at the dashboard Start here',
  },
  { word: 'prometheus', service: services.prometheus, target: 9090, variable: 'PROMETHEUS_PORT', what: 'Prometheus' },
  { word: 'traefik', service: services.traefik, target: 8080, variable: 'TRAEFIK_DASHBOARD_PORT', what: "Traefik's dashboard" },
  { word: 'alertmanager', service: services.alertmanager, target: 9093, variable: 'ALERTMANAGER_PORT', what: 'Alertmanager' },
  {
    word: 'alerts',
    service: services.alertReceiver,
    target: 9094,
    variable: 'ALERTS_PORT',
    what: 'notifications that the alert receiver got',
  },
  { word: 'traces', service: services.jaeger, target: 16686, variable: 'JAEGER_PORT', what: 'traces, with the profile tracing' },
  { word: 'loki', service: services.loki, target: 3100, variable: 'LOKI_PORT', what: "Loki's API, with the profile logging" },
]

export interface OpenPlace {
  word: string
  what: string
  url: string
}

/** Returns the pages whose port is published and whose service is running. */
export function openPlaces(
  containers: readonly { service: string; state: string; published: readonly { target: number; port: number }[] }[],
): OpenPlace[] {
  const running = containers.filter(({ state }) => state === 'running')
  const published = running.filter(({ service }) => service === services.traefik).flatMap((traefik) => traefik.published)
  return places.flatMap(({ word, what, service, target, scheme = 'http' }) => {
    const found = published.find((one) => one.target === target)
    const answers = running.some((container) => container.service === service)
    return found && answers ? [{ word, what, url: `${scheme}://localhost:${found.port}` }] : []
  })
}
