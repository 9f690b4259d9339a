/** Names by which logs and traces are found. */

/** Compose profiles, which are also the words that the service's TELEMETRY understands. */
export const profiles = { logging: 'logging', tracing: 'tracing' } as const

/** Fields of log lines and attributes of spans; the same thing has the same name in both. */
export const fields = {
  connectionId: 'connectionId',
  requestId: 'requestId',
  replica: 'replica',
  traceId: 'trace_id',
  spanId: 'span_id',
  messageType: 'messageType',
  room: 'room',
  /** Place of a room message in the log. */
  seq: 'seq',
  /** Members of a room that a replica delivered to. */
  members: 'members',
  /** What became of a published room message. */
  result: 'result',
} as const

/** Spans of the service. */
export const spans = {
  /** From the request to the open socket. */
  upgrade: 'upgrade',
  /** A client's message, from being read to being dealt with. */
  message: 'message',
  /** From handing a room message over to what became of it. */
  publish: 'publish',
  /** A replica hands a room message to its members; one for each replica. */
  deliver: 'deliver',
} as const

/** Label of exemplars: leads from a bucket of a histogram to a trace. */
export const exemplarLabel = 'trace_id'

/** Where Traefik's access log has ids: the replica's headers on the answer to the upgrade, as Loki spells them. */
export const edgeConnectionId = 'origin_X_Connection_Id'
export const edgeRequestId = 'origin_X_Request_Id'

/**
 * LogQL: every line about one connection, of the edge and of all replicas.
 * @param connectionId an id, or a variable of Grafana's that holds one
 */
export function logsOfConnection(connectionId: string): string {
  return `{service_name=~"ws|traefik"} | ${fields.connectionId}=\`${connectionId}\` or ${edgeConnectionId}=\`${connectionId}\``
}
