/** The end of a run: a page for people and the same as data. Pure. */
import { loadMetrics as m } from '../../contract/src/load-metrics.ts'
import type { Settings } from './settings.ts'

/** What k6 gives to handleSummary, as far as we read it. */
export interface SummaryData {
  state: { testRunDurationMs: number }
  metrics: Record<string, { values: Record<string, number>; thresholds?: Record<string, { ok: boolean }> }>
}

export interface Verdict {
  metric: string
  threshold: string
  passed: boolean
}

/** Every threshold with its outcome, in the order of the metrics' names. */
export function verdictsOf(data: SummaryData): Verdict[] {
  const byName = Object.entries(data.metrics).sort(([a], [b]) => a.localeCompare(b))
  return byName.flatMap(([metric, { thresholds = {} }]) =>
    Object.entries(thresholds).map(([threshold, { ok }]) => ({ metric, threshold, passed: ok })),
  )
}

/** The run as JSON text: settings, verdicts and every metric k6 has. Times in milliseconds. */
export function jsonSummary(data: SummaryData, settings: Settings): string {
  const verdicts = verdictsOf(data)
  const report = {
    ...settings,
    durationSeconds: data.state.testRunDurationMs / 1000,
    passed: verdicts.length > 0 && verdicts.every((verdict) => verdict.passed),
    verdicts,
    metrics: Object.fromEntries(Object.entries(data.metrics).map(([name, { values }]) => [name, values])),
  }
  return `${JSON.stringify(report, null, 2)}\n`
}

/** The run as a page of text. */
export function textSummary(data: SummaryData, settings: Settings, jsonPath: string): string {
  const value = (metric: string, key: string) => data.metrics[metric]?.values[key]
  // A trend without a sample has zeros for its values; that must not read as an instant answer.
  const times = (metric: string) =>
    value(metric, 'count') ? ['med', 'p(95)', 'p(99)', 'max'].map((key) => milliseconds(value(metric, key))).join('  ') : '     none'
  const count = (metric: string) => String(value(metric, 'count') ?? 0)
  const verdicts = verdictsOf(data)
  const failed = verdicts.filter((verdict) => !verdict.passed).length
  const lines = [
    `${settings.scenario}${settings.short ? ' (short)' : ''}: ${settings.sockets} sockets to ${settings.target}, ` +
      `${Math.round(data.state.testRunDurationMs / 1000)} s, seed ${settings.seed}`,
    '',
    `  sockets opened     ${count(m.socketsOpened.name)}, closed ${count(m.socketsClosed.name)}`,
    `  handshakes good    ${percent(value(m.connectSuccess.name, 'rate'))}`,
    `  messages sent      ${count(m.messagesSent.name)}, answered ${count(m.messagesAnswered.name)}`,
    `  errors             ${percent(value(m.errors.name, 'rate'))}`,
    `  back on replica    ${percent(value(m.stickyKept.name, 'rate'))} of users that came back with their cookie`,
    '',
    '                          p50        p95        p99        max',
    `  connect          ${times(m.connectTime.name)}`,
    `  message          ${times(m.messageRtt.name)}`,
    `  room message     ${times(m.roomDelivery.name)}`,
    '',
    ...verdicts.map(({ metric, threshold, passed }) => `  ${passed ? 'ok    ' : 'MISSED'}  ${metric} ${threshold}`),
    '',
    failed === 0 && verdicts.length > 0 ? 'All thresholds met.' : `${failed} of ${verdicts.length} thresholds missed.`,
    `As JSON: ${jsonPath}`,
  ]
  return `\n${lines.join('\n')}\n`
}

function percent(rate: number | undefined): string {
  return rate === undefined ? 'none' : `${(rate * 100).toFixed(2)} %`
}

function milliseconds(value = Number.NaN): string {
  return `${value.toFixed(1)} ms`.padStart(9)
}
