/** Where the lab can be looked at: what is published in, URLs out. Pure. */
import { type hostPorts, services } from '@lab/contract/endpoints.ts'

/** A host port of the lab and what answers there. */
export interface Place {
  /** The word for `lab open`. */
  word: string
  service: string
  /** Port inside the container. */
  target: number
  variable: keyof typeof hostPorts
  what: string
  scheme?: 'https'
}

export const places: readonly Place[] = [
  { word: 'page', service: services.traefik, target: 8000, variable: 'LAB_PORT', what: 'test client page, sockets at /ws' },
  { word: 'tls', service: services.traefik, target: 8443, variable: 'LAB_TLS_PORT', what: 'the same by TLS', scheme: 'https' },
  { word: 'grafana', service: services.grafana, target: 3000, variable: 'GRAFANA_PORT', what: 'Grafana, beginning with Start here' },
  { word: 'prometheus', service: services.prometheus, target: 9090, variable: 'PROMETHEUS_PORT', what: 'Prometheus' },
  { word: 'traefik', service: services.traefik, target: 8080, variable: 'TRAEFIK_DASHBOARD_PORT', what: "Traefik's dashboard" },
  { word: 'alertmanager', service: services.alertmanager, target: 9093, variable: 'ALERTMANAGER_PORT', what: 'Alertmanager' },
  { word: 'alerts', service: services.alertReceiver, target: 9094, variable: 'ALERTS_PORT', what: 'alerts as they arrived' },
  { word: 'traces', service: services.jaeger, target: 16686, variable: 'JAEGER_PORT', what: 'traces, with the profile tracing' },
  { word: 'loki', service: services.loki, target: 3100, variable: 'LOKI_PORT', what: "Loki's API, with the profile logging" },
]

export interface OpenPlace {
  word: string
  what: string
  url: string
}

/** The places that are published right now. */
export function openPlaces(
  containers: readonly { service: string; published: readonly { target: number; port: number }[] }[],
): OpenPlace[] {
  return places.flatMap(({ word, what, service, target, scheme = 'http' }) => {
    const found = containers
      .filter((container) => container.service === service)
      .flatMap(({ published }) => published)
      .find((one) => one.target === target)
    return found ? [{ word, what, url: `${scheme}://localhost:${found.port}` }] : []
  })
}
