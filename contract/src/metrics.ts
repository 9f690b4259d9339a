/**
 * Defines every metric of the ws service, with its labels and buckets. All other code imports the metric names from this file. The
 * `replica`, `job` and `instance` labels are not listed, because Prometheus adds them when it scrapes a replica.
 */

export interface MetricSpec {
  kind: 'counter' | 'gauge' | 'histogram'
  name: string
  help: string
  labels: readonly string[]
  /** Upper bounds of the histogram buckets, in the metric's unit; absent for other types of metrics. */
  buckets?: readonly number[]
}

/**
 * Latency buckets in seconds, from 0.5 ms (an echo over loopback) to a minute. In an overloaded lab, clients wait longer than 20 s, and a
 * quantile is never larger than the last bucket.
 */
const latencyBucketsSeconds = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60] as const

/** Duration buckets in seconds, from a socket that closes immediately to one that stays open for a working day. */
const durationBucketsSeconds = [0.1, 1, 5, 15, 30, 60, 120, 300, 600, 1800, 3600, 14400, 28800] as const

export const metrics = {
  connectionsActive: {
    kind: 'gauge',
    name: 'websocket_connections_active',
    help: 'WebSocket connections open on this replica.',
    labels: [],
  },
  connectionsTotal: {
    kind: 'gauge',
    name: 'websocket_connections_total',
    help: "Same value as websocket_connections_active, under the name that other systems' dashboards query.",
    labels: [],
  },
  connectionsLimit: {
    kind: 'gauge',
    name: 'websocket_connections_limit',
    help: 'Maximum number of connections that this replica accepts (MAX_CONNECTIONS).',
    labels: [],
  },
  connectionsOpened: {
    kind: 'counter',
    name: 'websocket_connections_opened_total',
    help: 'Connections opened since the replica started.',
    labels: [],
  },
  connectionsClosed: {
    kind: 'counter',
    name: 'websocket_connections_closed_total',
    help: 'Connections closed, by close code and by the cause of the close.',
    labels: ['code', 'cause'],
  },
  connectionsRefused: {
    kind: 'counter',
    name: 'websocket_connections_refused_total',
    help: 'Upgrades refused, by cause.',
    labels: ['cause'],
  },
  connectionDuration: {
    kind: 'histogram',
    name: 'websocket_connection_duration_seconds',
    help: 'Lifetime of a connection, recorded when the connection closes.',
    labels: [],
    buckets: durationBucketsSeconds,
  },
  messages: {
    kind: 'counter',
    name: 'websocket_messages_total',
    help: 'Messages, by direction (received or sent).',
    labels: ['direction'],
  },
  messagesReceived: {
    kind: 'counter',
    name: 'websocket_messages_received_total',
    help: 'Valid messages received, by type.',
    labels: ['type'],
  },
  messagesSent: { kind: 'counter', name: 'websocket_messages_sent_total', help: 'Messages sent, by type.', labels: ['type'] },
  bytesReceived: { kind: 'counter', name: 'websocket_received_bytes_total', help: 'Payload bytes received.', labels: [] },
  bytesSent: { kind: 'counter', name: 'websocket_sent_bytes_total', help: 'Payload bytes sent.', labels: [] },
  messageLatency: {
    kind: 'histogram',
    name: 'websocket_message_latency_seconds',
    help: "Time from a message's send time to its response, for messages that carry a send time. The clocks of the client and the replica are not synchronized, so the measured time may be inexact.",
    labels: [],
    buckets: latencyBucketsSeconds,
  },
  messageHandling: {
    kind: 'histogram',
    name: 'websocket_message_handling_seconds',
    help: 'Time from reading a frame to writing the response to the socket, for every message.',
    labels: [],
    buckets: [0.00001, 0.000025, 0.00005, 0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.05, 0.25, 1, 10, 60],
  },
  errors: { kind: 'counter', name: 'websocket_errors_total', help: 'Errors, by cause.', labels: ['cause'] },
  replicaState: {
    kind: 'gauge',
    name: 'websocket_replica_state',
    help: "1 for the replica's current state and 0 for all other states (starting, ready, draining, closed).",
    labels: ['state'],
  },
  drainSocketsLeft: {
    kind: 'gauge',
    name: 'websocket_drain_sockets_left',
    help: 'Connections that are still open while the replica drains; 0 at any other time.',
    labels: [],
  },
  drainSecondsLeft: {
    kind: 'gauge',
    name: 'websocket_drain_seconds_left',
    help: 'Seconds until the drain deadline; 0 when the replica is not draining.',
    labels: [],
  },
  goodbyes: {
    kind: 'counter',
    name: 'websocket_goodbyes_total',
    help: 'Clients that this replica asked to reconnect, by reason (draining or rebalancing).',
    labels: ['reason'],
  },
  sessionsResumed: {
    kind: 'counter',
    name: 'websocket_sessions_resumed_total',
    help: 'Resume requests, by result (resumed, gap, or the reason for the refusal).',
    labels: ['result'],
  },
  messagesReplayed: {
    kind: 'counter',
    name: 'websocket_messages_replayed_total',
    help: 'Missed messages that this replica replayed to clients after a resume.',
    labels: [],
  },
  sessionsHeld: {
    kind: 'gauge',
    name: 'websocket_sessions_held',
    help: 'Sessions that lost their connection on this replica and can still be resumed on any replica.',
    labels: [],
  },
  rooms: { kind: 'gauge', name: 'websocket_rooms_active', help: 'Rooms with at least one member on this replica.', labels: [] },
  roomMembers: {
    kind: 'gauge',
    name: 'websocket_room_members',
    help: "Room memberships of all of this replica's connections.",
    labels: [],
  },
  pubsubLag: {
    kind: 'histogram',
    name: 'websocket_pubsub_lag_seconds',
    help: 'Time from publishing a room message to delivering it on this replica.',
    labels: [],
    buckets: latencyBucketsSeconds,
  },
  roomMessages: {
    kind: 'counter',
    name: 'websocket_room_messages_total',
    help: 'Room messages that clients of this replica sent, by result (stored, duplicate, provisional, refused).',
    labels: ['result'],
  },
  roomLogMessages: {
    kind: 'gauge',
    name: 'websocket_room_log_messages',
    help: "Room messages in this replica's memory, for clients that resume a session or join a room late.",
    labels: [],
  },
  roomLogBytes: {
    kind: 'gauge',
    name: 'websocket_room_log_bytes',
    help: "Total size of the room messages in this replica's memory.",
    labels: [],
  },
  roomOutbox: {
    kind: 'gauge',
    name: 'websocket_room_outbox_messages',
    help: 'Room messages that are waiting to be stored.',
    labels: [],
  },
  storeRoundTrip: {
    kind: 'histogram',
    name: 'websocket_store_round_trip_seconds',
    help: 'Time from sending a room message to the store until the store confirms it.',
    labels: [],
    buckets: latencyBucketsSeconds,
  },
  storeClients: { kind: 'gauge', name: 'websocket_store_clients', help: 'Clients connected to Valkey, as Valkey reports it.', labels: [] },
  storeMemory: { kind: 'gauge', name: 'websocket_store_memory_bytes', help: 'Memory that Valkey uses, as Valkey reports it.', labels: [] },
  storeCommands: {
    kind: 'counter',
    name: 'websocket_store_commands_total',
    help: 'Commands that Valkey has processed for all clients, as Valkey reports it. Every replica exports the same value, so do not sum this metric over replicas.',
    labels: [],
  },
  dependencyUp: {
    kind: 'gauge',
    name: 'websocket_dependency_up',
    help: '1 while the dependency responds, 0 otherwise.',
    labels: ['dependency'],
  },
  eventLoopUtilization: {
    kind: 'gauge',
    name: 'websocket_event_loop_utilization_ratio',
    help: 'Fraction of the time since the previous scrape during which the event loop was busy (0 to 1).',
    labels: [],
  },
  memoryLimit: {
    kind: 'gauge',
    name: 'websocket_memory_limit_bytes',
    help: "Memory limit of this replica's container, or the machine's memory if the container has no limit.",
    labels: [],
  },
  httpRequests: {
    kind: 'counter',
    name: 'http_requests_total',
    help: 'Plain HTTP requests, by route pattern, method and status.',
    labels: ['route', 'method', 'status'],
  },
  buildInfo: {
    kind: 'gauge',
    name: 'websocket_build_info',
    help: "Always 1. The labels contain the replica's version and colour, and the Node.js version.",
    labels: ['version', 'colour', 'node'],
  },
} as const satisfies Record<string, MetricSpec>

export type MetricKey = keyof typeof metrics

/** Values of the `state` label, in the order in which a replica passes through the states. */
export const replicaStates = ['starting', 'ready', 'draining', 'closed'] as const
export type ReplicaState = (typeof replicaStates)[number]

/** Values of the `cause` label for refused upgrades. */
export const refusalCauses = ['limit', 'bad_connection_id', 'unknown_path', 'bad_handshake', 'handshake_timeout'] as const
export type RefusalCause = (typeof refusalCauses)[number]

/** Values of the `direction` label for messages. */
export const directions = ['received', 'sent'] as const

/** Values of the `reason` label for `goodbye` messages. */
export const goodbyeReasons = ['draining', 'rebalancing'] as const
export type GoodbyeReason = (typeof goodbyeReasons)[number]

/** Values of the `result` label for room messages. A message that was counted as `provisional` is counted again once it has been stored. */
export const roomMessageResults = ['stored', 'duplicate', 'provisional', 'refused'] as const
export type RoomMessageResult = (typeof roomMessageResults)[number]

/** Values of the `result` label for resume attempts. */
export const resumeResults = ['resumed', 'gap', 'invalid', 'expired', 'unknown', 'unavailable', 'too_late'] as const
export type ResumeResult = (typeof resumeResults)[number]

/** Label that identifies a replica by its service name and container number, such as `ws-1`. */
export const replicaLabel = 'replica'
