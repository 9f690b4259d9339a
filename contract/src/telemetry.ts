/** Defines the names that are shared by log lines, spans and the queries that search them. */

/** The names of Compose profiles, which are also the accepted values of the ws service's TELEMETRY setting. */
export const profiles = { logging: 'logging', tracing: 'tracing' } as const

/** Names that are used both for log line fields and for span attributes. */
export const fields = {
  connectionId: 'connectionId',
  requestId: 'requestId',
  replica: 'replica',
  traceId: 'trace_id',
  spanId: 'span_id',
  /** The trace id again, in log lines about a sampled request only: unlike `trace_id`, which Traefik adds to all lines, it leads to a trace. */
  sampledTraceId: 'sampled_trace_id',
  messageType: 'messageType',
  room: 'room',
  /** The sequence number of a room message in the room log. */
  seq: 'seq',
  /** The number of room members to which a replica delivered a message. */
  members: 'members',
  /** The result of publishing a room message. */
  result: 'result',
} as const

/** Names of the spans that the ws service records. */
export const spans = {
  /** The span covers the time from the upgrade request until the socket is open. */
  upgrade: 'upgrade',
  /** The span covers the handling of a client's message. */
  message: 'message',
  /** The span covers the time from publishing a room message until the result is known. */
  publish: 'publish',
  /** The span covers the delivery of a room message to the members on one replica. */
  deliver: 'deliver',
} as const

/** Exemplar label. An exemplar links a histogram bucket to a trace. */
export const exemplarLabel = 'trace_id'

/**
 * Names under which Loki stores two fields of Traefik's access log. Both log fields contain headers from a replica's response to an upgrade
 * request.
 */
export const edgeConnectionId = 'origin_X_Connection_Id'
export const edgeRequestId = 'origin_X_Request_Id'

/**
 * Returns the LogQL query for all log lines about one connection, from Traefik and from all replicas.
 * @param connectionId a connection id, or a Grafana variable that contains one
 */
export function logsOfConnection(connectionId: string): string {
  return `{service_name=~"ws|traefik"} | ${fields.connectionId}=\`${connectionId}\` or ${edgeConnectionId}=\`${connectionId}\``
}
