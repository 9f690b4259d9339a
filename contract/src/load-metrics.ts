/**
 * Defines the metrics that the k6 scripts record in addition to k6's own metrics. Prometheus receives these metrics from k6 by remote
 * write, under different names (see `prometheusName`).
 */

export interface LoadMetricSpec {
  kind: 'counter' | 'rate' | 'trend'
  name: string
  help: string
  /** The only scenario that records the metric; undefined if all scenarios record it. */
  scenario?: string
}

export const loadMetrics = {
  connectTime: { kind: 'trend', name: 'lab_connect_time', help: 'Time from connecting to the open socket, for successful handshakes.' },
  connectSuccess: { kind: 'rate', name: 'lab_connect_success', help: 'Share of handshakes that succeeded.' },
  messageRtt: {
    kind: 'trend',
    name: 'lab_message_rtt',
    help: 'Time from sending a message to its answer, by the clock of the load generator.',
  },
  roomDelivery: {
    kind: 'trend',
    name: 'lab_room_delivery_time',
    help: 'Time from sending a room message to its arrival at another member, by the clock of the load generator.',
  },
  errors: {
    kind: 'rate',
    name: 'lab_errors',
    help: 'Share of messages without an answer and of sessions with an unexpected end, among all messages and sessions.',
  },
  stickyReturns: {
    kind: 'rate',
    name: 'lab_sticky_returns',
    help: 'Share of reconnects with a cookie that were routed to the same replica as before.',
  },
  socketsOpened: {
    kind: 'counter',
    name: 'lab_sockets_opened',
    help: 'Sockets opened. The difference between it and lab_sockets_closed is the number of open sockets.',
  },
  socketsClosed: { kind: 'counter', name: 'lab_sockets_closed', help: 'Sockets closed, by either side.' },
  sessionsAttached: {
    kind: 'counter',
    name: 'lab_sessions_attached',
    help: "Sessions that began or went on at a replica. The tags `version` and `colour` name the replica's version and colour.",
  },
  messagesSent: { kind: 'counter', name: 'lab_messages_sent', help: 'Messages sent that expect an answer.' },
  messagesAnswered: { kind: 'counter', name: 'lab_messages_answered', help: 'Messages answered in time.' },
  ledgerAccepted: {
    kind: 'counter',
    name: 'lab_ledger_accepted',
    help: 'Room messages that a replica confirmed as stored.',
    scenario: 'ledger',
  },
  ledgerDelivered: {
    kind: 'counter',
    name: 'lab_ledger_delivered',
    help: 'Deliveries of confirmed room messages to members of their rooms.',
    scenario: 'ledger',
  },
  ledgerFindings: {
    kind: 'counter',
    name: 'lab_ledger_findings',
    help: 'Room messages that were lost, duplicated or reordered, and other violations of the protocol.',
    scenario: 'ledger',
  },
} as const satisfies Record<string, LoadMetricSpec>
export type LoadMetricKey = keyof typeof loadMetrics

/** The checks that the k6 scripts record, as k6's own metric `checks`. Public k6 dashboards list checks by these names. */
export const loadChecks = {
  handshake: 'handshake succeeded',
  answer: 'message answered in time',
  end: 'session ended as planned',
} as const

/** The statistics that k6 sends for every trend, as set by K6_PROMETHEUS_RW_TREND_STATS in compose.yaml. */
export const trendStats = ['avg', 'min', 'p(50)', 'p(90)', 'p(95)', 'p(99)', 'max'] as const
export type TrendStat = (typeof trendStats)[number]

/**
 * Returns the name that a k6 metric has in Prometheus, where times are in seconds. Each metric value covers the time since the start of the
 * test.
 * @param metric a metric of `loadMetrics`
 * @param stat the statistic to select if the metric is a trend; other kinds of metrics have no statistic
 * @throws Error if the metric is a trend and `stat` is missing
 */
export function prometheusName(metric: LoadMetricSpec, stat?: TrendStat): string {
  if (metric.kind === 'counter') return `k6_${metric.name}_total`
  if (metric.kind === 'rate') return `k6_${metric.name}_rate`
  if (stat === undefined) throw new Error(`${metric.name} is a trend, which needs a statistic; allowed: ${trendStats.join(', ')}`)
  return `k6_${metric.name}_${stat.replace(/[()]/g, '')}`
}
