/** Defines names, ports and paths that several parts of the lab share. */

/** Compose services. The service `ws` is the only service that is scaled. */
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
 * Ports inside containers. Traefik never routes requests to the port `internal`. The alert receiver listens only on the port `alerts`, and
 * the live page only on the port `live`.
 */
export const ports = { public: 3001, internal: 9464, alerts: 9094, live: 8090 } as const

/** Host ports, each with its variable and its default. All bind 127.0.0.1. */
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

/** Paths of the service `ws`. `:name` is a parameter. */
export const paths = {
  page: '/',
  /** The scripts of the test client page, served under their paths in the repository. */
  pageModules: '/page/*',
  /** Endpoint that deletes the sticky cookie, so that a client which was asked to reconnect is routed to another replica. */
  forgetReplica: '/api/v1/forget-replica',
  ws: '/ws',
  wsChat: '/ws/chat/:connectionId',
  /** Health of the replica and its stores. The endpoints `health` and `apiHealth` give the same answer. */
  health: '/health',
  /** Liveness endpoint under three paths, because the probes of other systems use different paths. */
  healthz: '/healthz',
  livez: '/livez',
  healthLiveness: '/health/liveness',
  /** Readiness endpoint under two paths. */
  readyz: '/readyz',
  healthReadiness: '/health/readiness',
  metrics: '/metrics',
  apiHealth: '/api/v1/health',
  apiInfo: '/api/v1/info',
  apiMetrics: '/api/v1/metrics',
  apiMetricsRegion: '/api/v1/metrics/:region',
} as const

/** Paths of the alert receiver. */
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

/** Paths of the actuator. */
export const actuatorPaths = {
  /** A GET request to the actuator returns the list of replicas. A PUT request with {"replicas": N} sets the number of replicas to N. */
  replicas: '/replicas',
  /** A GET request to the actuator returns the memory that each replica uses. */
  workingSets: '/working-sets',
} as const

/** Valkey key that exists while a rollout is under way, during which replicas do not move sockets for balance. */
export const rolloutKey = 'lab:rollout'

/** Cookie by which Traefik routes a client to the same replica again. */
export const stickyCookie = 'lab_replica'

/** The two sets of replicas between which a deploy switches. A new lab starts with the replicas of the first colour, which is blue. */
export const colours = ['blue', 'green'] as const
export type Colour = (typeof colours)[number]
/**
 * Request header that selects a colour, as in `x-lab-colour: green`. If a request has no `x-lab-colour` header, Traefik selects the colour.
 */
export const colourHeader = 'x-lab-colour'
/** Response header with the name of the replica; the 101 response to an upgrade request also contains this header. */
export const replicaHeader = 'x-replica'

/** Response header with the cause of a refused upgrade and the allowed values, because the response has no body. */
export const refusedHeader = 'x-refused'

/**
 * Request header with an id, which also appears in the log lines of the request. If a request has no id, the service generates one. The
 * response always contains the request id.
 */
export const requestIdHeader = 'x-request-id'

/** Response header of an upgrade with the connection id, for the router's access log and spans. */
export const connectionIdHeader = 'x-connection-id'

/** Scrape jobs of Prometheus: the values of the label `job`. */
export const jobs = {
  ws: 'ws',
  traefik: 'traefik',
  prometheus: 'prometheus',
  alertmanager: 'alertmanager',
  alertReceiver: 'alert-receiver',
  live: 'live',
  scaler: 'scaler',
} as const

/** Grafana UIDs that provisioning files, dashboards and links share. Changing a Grafana UID breaks saved links. */
export const grafana = { datasourceUid: 'prometheus', homeDashboardUid: 'websocket-lab', lokiUid: 'loki', jaegerUid: 'jaeger' } as const
