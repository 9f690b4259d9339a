/**
 * Metrics that the k6 scripts record, beside k6's own: the only place where such a name is spelled.
 * k6 sends them to Prometheus by remote write, where they carry other names: see `prometheusName`.
 */

export interface LoadMetricSpec {
  kind: 'counter' | 'rate' | 'trend'
  name: string
  help: string
  /** The one scenario that records it; without it, all do. */
  scenario?: string
}

export const loadMetrics = {
  connectTime: { kind: 'trend', name: 'lab_connect_time', help: 'From dialling to the open socket, for handshakes that succeeded.' },
  connectSuccess: { kind: 'rate', name: 'lab_connect_success', help: 'Share of handshakes that ended in an open socket.' },
  messageRtt: { kind: 'trend', name: 'lab_message_rtt', help: 'From sending a message to its answer, by the clock of the generator.' },
  roomDelivery: {
    kind: 'trend',
    name: 'lab_room_delivery_time',
    help: 'From sending a room message to its arrival at another member, by the clock of the generator.',
  },
  errors: {
    kind: 'rate',
    name: 'lab_errors',
    help: 'Share of messages without an answer and of sessions that did not end as agreed, among all messages and sessions.',
  },
  stickyKept: {
    kind: 'rate',
    name: 'lab_sticky_kept',
    help: 'Share of returning users, with their cookie, that met the replica of their last visit.',
  },
  socketsOpened: { kind: 'counter', name: 'lab_sockets_opened', help: 'Sockets opened; minus lab_sockets_closed it is the number open.' },
  socketsClosed: { kind: 'counter', name: 'lab_sockets_closed', help: 'Open sockets that closed, whoever closed them.' },
  messagesSent: { kind: 'counter', name: 'lab_messages_sent', help: 'Messages sent that want an answer.' },
  messagesAnswered: { kind: 'counter', name: 'lab_messages_answered', help: 'Messages answered in time.' },
  ledgerAccepted: {
    kind: 'counter',
    name: 'lab_ledger_accepted',
    help: 'Room messages answered as stored.',
    scenario: 'ledger',
  },
  ledgerDelivered: {
    kind: 'counter',
    name: 'lab_ledger_delivered',
    help: 'Of these, deliveries to members of their rooms.',
    scenario: 'ledger',
  },
  ledgerFindings: {
    kind: 'counter',
    name: 'lab_ledger_findings',
    help: 'Room messages lost, doubled or reordered, and other broken promises.',
    scenario: 'ledger',
  },
} as const satisfies Record<string, LoadMetricSpec>
export type LoadMetricKey = keyof typeof loadMetrics

/** What compose.yaml asks k6 to send of every trend (K6_PROMETHEUS_RW_TREND_STATS), in k6's words. */
export const trendStats = ['p(50)', 'p(95)', 'p(99)', 'max'] as const
export type TrendStat = (typeof trendStats)[number]

/**
 * The name a k6 metric has in Prometheus. Times are in seconds there, and every value runs from the start of the test.
 * @param metric one of `loadMetrics`
 * @param stat which statistic; for trends only, where it is needed
 * @throws Error when a trend is asked for without a statistic
 */
export function prometheusName(metric: LoadMetricSpec, stat?: TrendStat): string {
  if (metric.kind === 'counter') return `k6_${metric.name}_total`
  if (metric.kind === 'rate') return `k6_${metric.name}_rate`
  if (stat === undefined) throw new Error(`${metric.name} is a trend: name one of ${trendStats.join(', ')}`)
  return `k6_${metric.name}_${stat.replace(/[()]/g, '')}`
}
