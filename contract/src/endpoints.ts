/** Defines names, ports and paths that are shared by several parts of the lab. */

/** Compose services. Only the `ws` service is scaled. */
export const services = {
  traefik: 'traefik',
  ws: 'ws',
  valkey: 'valkey',
  prometheus: 'prometheus',
  alertmanager: 'alertmanager',
  alertReceiver: 'alert-receiver',
  live: 'live',
  grafana: 'grafana',
  socketProxy: 'socket-proxy',
  loki: 'loki',
  jaeger: 'jaeger',
  k6: 'k6',
  toxiproxy: 'toxiproxy',
  scaler: 'scaler',
  actuator: 'actuator',
} as const

/**
 * Ports inside containers. Traefik never routes requests to the `internal` port. The alert receiver listens only on the `alerts` port, and
 * the live page only on the `live` port.
 */
export const ports = { public: 3001, internal: 9464, alerts: 9094, live: 8090 } as const

/** The environment variables that set the host ports, each with its default port. All host ports are bound to 127.0.0.1. */
export const hostPorts = {
  LAB_PORT: 8000,
  LAB_TLS_PORT: 8443,
  LIVE_PORT: 8090,
  TRAEFIK_DASHBOARD_PORT: 8080,
  GRAFANA_PORT: 3000,
  PROMETHEUS_PORT: 9090,
  ALERTMANAGER_PORT: 9093,
  LOKI_PORT: 3100,
  JAEGER_PORT: 16686,
  ALERTS_PORT: 9094,
} as const

/**
 * The largest number of sockets for which the lab on Compose is built: the load generator opens at most this many, and Traefik's limits
 * allow them.
 */
export const mostSockets = 20_000

/** URL paths that the `ws` service serves. `:name` is a parameter. */
export const paths = {
  page: '/',
  /** The scripts of the test client page, each served under its path in the repository. */
  pageModules: '/page/*',
  /** Endpoint that deletes the sticky cookie, so that Traefik can route a reconnecting client to another replica. */
  forgetReplica: '/api/v1/forget-replica',
  ws: '/ws',
  wsChat: '/ws/chat/:connectionId',
  /** Endpoint that reports the health of the replica and its stores. The `health` and `apiHealth` endpoints return the same response. */
  health: '/health',
  /** Liveness endpoint, available at three paths because different systems probe different paths. */
  healthz: '/healthz',
  livez: '/livez',
  healthLiveness: '/health/liveness',
  /** Readiness endpoint, available at two paths. */
  readyz: '/readyz',
  healthReadiness: '/health/readiness',
  metrics: '/metrics',
  apiHealth: '/api/v1/health',
  apiInfo: '/api/v1/info',
  apiMetrics: '/api/v1/metrics',
  apiMetricsRegion: '/api/v1/metrics/:region',
} as const

/** URL paths that the alert receiver serves. */
export const receiverPaths = {
  page: '/',
  /** The webhook that receives notifications from Alertmanager. */
  webhook: '/alerts',
  /** Endpoint that returns the latest alerts as JSON, newest first. */
  list: '/api/v1/alerts',
  runbook: '/runbooks/:alertname',
  livez: '/livez',
  metrics: '/metrics',
} as const

/** URL paths that the actuator serves. */
export const actuatorPaths = {
  /** A GET request returns the names of the services that the actuator scales. */
  services: '/services',
  /**
   * A GET request returns the list of a service's replicas. A PUT request with the body {"replicas": N} sets the number of replicas to N.
   */
  replicas: (service: string) => `/services/${service}/replicas`,
  /** A GET request returns the memory usage of each replica of a service. */
  workingSets: (service: string) => `/services/${service}/working-sets`,
} as const

/** URL paths that only the scaler serves, in addition to its `metrics`, `livez` and `readyz` paths. */
export const scalerPaths = {
  /** Endpoint with the metrics that kube-state-metrics exports for HorizontalPodAutoscalers, Deployments and pods. */
  kubeState: '/metrics/kube-state',
} as const

/** URL paths that only the live page's server serves, in addition to its page and its `metrics` path. */
export const livePaths = {
  /** Endpoint with the metrics that cAdvisor would export for the containers of the lab. */
  containers: '/metrics/containers',
} as const

/** Valkey key that exists while a rollout is under way. During a rollout, replicas do not rebalance their sockets. */
export const rolloutKey = 'lab:rollout'

/** Sticky cookie by which Traefik routes a client back to the same replica. */
export const stickyCookie = 'lab_replica'

/** The two sets of replicas between which a deploy switches all connections. A new lab starts with the first colour, blue. */
export const colours = ['blue', 'green'] as const
export type Colour = (typeof colours)[number]

export function otherColour(colour: Colour): Colour {
  return colour === 'blue' ? 'green' : 'blue'
}

/**
 * Request header that selects a colour, for example `x-lab-colour: green`. If a request has no `x-lab-colour` header, Traefik selects the
 * colour.
 */
export const colourHeader = 'x-lab-colour'
/** Response header with the name of the replica; also set on the 101 response to an upgrade request. */
export const replicaHeader = 'x-replica'

/** Response header that states why an upgrade was refused and which values are allowed. A refused upgrade's response has no body. */
export const refusedHeader = 'x-refused'

/**
 * Request header with an id that also appears in the request's log lines. If a request has no id, the service generates one. Every response
 * contains the request id in the same header.
 */
export const requestIdHeader = 'x-request-id'

/** Header that contains the connection id in upgrade responses, so that the router can add the id to its access log and spans. */
export const connectionIdHeader = 'x-connection-id'

/** Prometheus scrape jobs: the values of the `job` label. */
export const jobs = {
  ws: 'ws',
  traefik: 'traefik',
  prometheus: 'prometheus',
  alertmanager: 'alertmanager',
  alertReceiver: 'alert-receiver',
  live: 'live',
  scaler: 'scaler',
  /** The job that public dashboards and rules select. In the lab, its target is the scaler. */
  kubeStateMetrics: 'kube-state-metrics',
  /** The job that public dashboards about containers select. In the lab, its target is the live page's server. */
  cadvisor: 'cadvisor',
} as const

/** Grafana UIDs shared by provisioning files, dashboards and links. Changing a Grafana UID breaks saved links. */
export const grafana = { datasourceUid: 'prometheus', homeDashboardUid: 'websocket-lab', lokiUid: 'loki', jaegerUid: 'jaeger' } as const
