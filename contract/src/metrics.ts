/**
 * Every metric the service exports: the only place where such a name, its labels or its buckets are spelled.
 * `replica`, `job` and `instance` are not here: Prometheus adds them when it scrapes.
 */

export interface MetricSpec {
  kind: 'counter' | 'gauge' | 'histogram'
  name: string
  help: string
  labels: readonly string[]
  /** Upper bounds in the metric's unit; histograms only. */
  buckets?: readonly number[]
}

/** From half a millisecond (an echo on loopback) to the slowest answer that thresholds and alerts still tell apart. Seconds. */
const latencyBucketsSeconds = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5] as const

/** From a socket that was refused at once to one that stayed a working day. Seconds. */
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
    help: 'The same number as websocket_connections_active, under the name that dashboards of other labs use.',
    labels: [],
  },
  connectionsLimit: {
    kind: 'gauge',
    name: 'websocket_connections_limit',
    help: 'Connections this replica accepts (MAX_CONNECTIONS).',
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
    help: 'How long connections were open, seen when they close.',
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
    help: 'Messages received and understood, by type.',
    labels: ['type'],
  },
  messagesSent: { kind: 'counter', name: 'websocket_messages_sent_total', help: 'Messages sent, by type.', labels: ['type'] },
  bytesReceived: { kind: 'counter', name: 'websocket_received_bytes_total', help: 'Payload bytes received.', labels: [] },
  bytesSent: { kind: 'counter', name: 'websocket_sent_bytes_total', help: 'Payload bytes sent.', labels: [] },
  messageLatency: {
    kind: 'histogram',
    name: 'websocket_message_latency_seconds',
    help: "From the client's send time to the answer, for messages that carry their send time. Both clocks are compared as they are.",
    labels: [],
    buckets: latencyBucketsSeconds,
  },
  messageHandling: {
    kind: 'histogram',
    name: 'websocket_message_handling_seconds',
    help: 'From a frame being read to its answer being handed to the socket, for every message.',
    labels: [],
    buckets: [0.00001, 0.000025, 0.00005, 0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.05, 0.25, 1],
  },
  errors: { kind: 'counter', name: 'websocket_errors_total', help: 'Errors answered or suffered, by cause.', labels: ['cause'] },
  replicaState: {
    kind: 'gauge',
    name: 'websocket_replica_state',
    help: 'One for the state the replica is in, zero for the others (starting, ready, draining, closed).',
    labels: ['state'],
  },
  drainSocketsLeft: {
    kind: 'gauge',
    name: 'websocket_drain_sockets_left',
    help: 'Connections still to leave while draining, zero otherwise.',
    labels: [],
  },
  drainSecondsLeft: {
    kind: 'gauge',
    name: 'websocket_drain_seconds_left',
    help: 'Seconds to the deadline of the drain, zero when not draining.',
    labels: [],
  },
  goodbyes: {
    kind: 'counter',
    name: 'websocket_goodbyes_total',
    help: 'Connections that were told to come back elsewhere, by reason (draining or rebalancing).',
    labels: ['reason'],
  },
  sessionsResumed: {
    kind: 'counter',
    name: 'websocket_sessions_resumed_total',
    help: 'Resume attempts, by result (resumed, gap, or why it was refused).',
    labels: ['result'],
  },
  messagesReplayed: {
    kind: 'counter',
    name: 'websocket_messages_replayed_total',
    help: 'Messages sent again to resumed sessions.',
    labels: [],
  },
  sessionsHeld: {
    kind: 'gauge',
    name: 'websocket_sessions_held',
    help: 'Sessions whose connection was lost here and that may still be resumed, here or at another replica.',
    labels: [],
  },
  rooms: { kind: 'gauge', name: 'websocket_rooms_active', help: 'Rooms with at least one member on this replica.', labels: [] },
  roomMembers: { kind: 'gauge', name: 'websocket_room_members', help: 'Memberships of rooms held on this replica.', labels: [] },
  pubsubLag: {
    kind: 'histogram',
    name: 'websocket_pubsub_lag_seconds',
    help: 'From a room message being published to its delivery on this replica.',
    labels: [],
    buckets: latencyBucketsSeconds,
  },
  roomMessages: {
    kind: 'counter',
    name: 'websocket_room_messages_total',
    help: 'Room messages of clients of this replica, by what became of them (stored, duplicate, provisional, refused).',
    labels: ['result'],
  },
  roomLogMessages: {
    kind: 'gauge',
    name: 'websocket_room_log_messages',
    help: 'Room messages kept on this replica for resuming and late joiners.',
    labels: [],
  },
  roomLogBytes: {
    kind: 'gauge',
    name: 'websocket_room_log_bytes',
    help: 'Size of the room messages kept on this replica.',
    labels: [],
  },
  roomOutbox: {
    kind: 'gauge',
    name: 'websocket_room_outbox_messages',
    help: 'Room messages that are not stored yet and wait for the store.',
    labels: [],
  },
  storeRoundTrip: {
    kind: 'histogram',
    name: 'websocket_store_round_trip_seconds',
    help: 'From a room message being handed to the store to the answer that it is stored.',
    labels: [],
    buckets: latencyBucketsSeconds,
  },
  storeClients: { kind: 'gauge', name: 'websocket_store_clients', help: 'Clients connected to Valkey, as it says itself.', labels: [] },
  storeMemory: { kind: 'gauge', name: 'websocket_store_memory_bytes', help: 'Memory Valkey uses, as it says itself.', labels: [] },
  storeCommands: {
    kind: 'counter',
    name: 'websocket_store_commands_total',
    help: 'Commands Valkey has processed, for everybody, as it says itself. Every replica reports the same number: do not add them up.',
    labels: [],
  },
  dependencyUp: {
    kind: 'gauge',
    name: 'websocket_dependency_up',
    help: 'One while the dependency answers, zero while it does not.',
    labels: ['dependency'],
  },
  eventLoopUtilization: {
    kind: 'gauge',
    name: 'websocket_event_loop_utilization_ratio',
    help: 'Share of time the event loop was busy since the scrape before (0 to 1).',
    labels: [],
  },
  memoryLimit: {
    kind: 'gauge',
    name: 'websocket_memory_limit_bytes',
    help: 'Memory this replica may use: the limit of its container or, without one, all there is.',
    labels: [],
  },
  httpRequests: {
    kind: 'counter',
    name: 'http_requests_total',
    help: 'Plain HTTP requests, by route pattern, method and status.',
    labels: ['route', 'method', 'status'],
  },
  buildInfo: { kind: 'gauge', name: 'websocket_build_info', help: 'Always one; the labels say what runs.', labels: ['version', 'node'] },
} as const satisfies Record<string, MetricSpec>

export type MetricKey = keyof typeof metrics

/** Values of the label `state` and the order a replica goes through them. */
export const replicaStates = ['starting', 'ready', 'draining', 'closed'] as const
export type ReplicaState = (typeof replicaStates)[number]

/** Values of the label `cause` of refused upgrades. */
export const refusalCauses = ['limit', 'bad_connection_id', 'unknown_path', 'bad_handshake', 'handshake_timeout'] as const
export type RefusalCause = (typeof refusalCauses)[number]

/** Values of the label `direction`. */
export const directions = ['received', 'sent'] as const

/** Values of the label `reason` of goodbyes. */
export const goodbyeReasons = ['draining', 'rebalancing'] as const
export type GoodbyeReason = (typeof goodbyeReasons)[number]

/** Values of the label `result` of room messages. A provisional one is counted again once it is stored. */
export const roomMessageResults = ['stored', 'duplicate', 'provisional', 'refused'] as const
export type RoomMessageResult = (typeof roomMessageResults)[number]

/** Values of the label `result` of resume attempts. */
export const resumeResults = ['resumed', 'gap', 'invalid', 'expired', 'unknown', 'unavailable', 'too_late'] as const
export type ResumeResult = (typeof resumeResults)[number]

/** The label by which Prometheus tells replicas apart: service and number of the container, as in `ws-1`. */
export const replicaLabel = 'replica'
