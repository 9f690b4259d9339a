/** Names, ports and paths that more than one part of the lab must agree on. */

/** Compose services. `ws` is the one that is scaled. */
export const services = {
  traefik: 'traefik',
  ws: 'ws',
  valkey: 'valkey',
  prometheus: 'prometheus',
  alertmanager: 'alertmanager',
  alertReceiver: 'alert-receiver',
  grafana: 'grafana',
  socketProxy: 'socket-proxy',
  loki: 'loki',
  jaeger: 'jaeger',
  k6: 'k6',
  toxiproxy: 'toxiproxy',
  scaler: 'scaler',
  scalerProxy: 'socket-proxy-scaler',
} as const

/** Ports inside containers. The internal port is never routed by Traefik; `alerts` is the alert receiver's only one. */
export const ports = { public: 3001, internal: 9464, alerts: 9094 } as const

/** Host ports: variable and default. All bind 127.0.0.1. */
export const hostPorts = {
  LAB_PORT: 8000,
  LAB_TLS_PORT: 8443,
  TRAEFIK_DASHBOARD_PORT: 8080,
  GRAFANA_PORT: 3000,
  PROMETHEUS_PORT: 9090,
  ALERTMANAGER_PORT: 9093,
  LOKI_PORT: 3100,
  JAEGER_PORT: 16686,
  ALERTS_PORT: 9094,
} as const

/** Paths of the service. `:name` is a parameter. */
export const paths = {
  page: '/',
  /** The page's scripts, under their places in the repository. */
  pageModules: '/page/*',
  /** Takes the sticky cookie back, for who was asked to go to another replica. */
  forgetReplica: '/api/v1/forget-replica',
  ws: '/ws',
  wsChat: '/ws/chat/:connectionId',
  /** Everything about the replica and its stores; apiHealth is the same. */
  health: '/health',
  /** Live: three names, for probes made for other systems. */
  healthz: '/healthz',
  livez: '/livez',
  healthLiveness: '/health/liveness',
  /** Ready: two names. */
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
  /** Where Alertmanager posts. */
  webhook: '/alerts',
  /** The same last alerts as JSON, newest first. */
  list: '/api/v1/alerts',
  runbook: '/runbooks/:alertname',
  livez: '/livez',
  metrics: '/metrics',
} as const

/** Cookie by which Traefik keeps a client on its replica. */
export const stickyCookie = 'lab_replica'

/** Response header that names the replica; also on the 101 of an upgrade. */
export const replicaHeader = 'x-replica'

/** Response header that says why an upgrade was refused: cause and what is allowed. Refused upgrades carry no body. */
export const refusedHeader = 'x-refused'

/** Request header that ties a request to the log lines it caused; made up when absent, always sent back. */
export const requestIdHeader = 'x-request-id'

/** Response header of an upgrade: the id of the connection, for the router's log and spans. */
export const connectionIdHeader = 'x-connection-id'

/** Jobs of Prometheus: the values of the label `job`. */
export const jobs = {
  ws: 'ws',
  traefik: 'traefik',
  prometheus: 'prometheus',
  alertmanager: 'alertmanager',
  alertReceiver: 'alert-receiver',
  scaler: 'scaler',
} as const

/** Identities in Grafana that provisioning files, dashboards and links share. They never change once published. */
export const grafana = { datasourceUid: 'prometheus', homeDashboardUid: 'websocket-lab', lokiUid: 'loki', jaegerUid: 'jaeger' } as const
