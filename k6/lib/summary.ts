/** Builds the summary of a k6 run, as text and as JSON. Pure. */
import { loadMetrics as m } from '../../contract/src/load-metrics.ts'
import { curveLengthMs } from './scenarios.ts'
import type { Settings } from './settings.ts'

/** The fields of k6's handleSummary data that this summary uses. */
export interface SummaryData {
  state: { testRunDurationMs: number }
  metrics: Record<string, { values: Record<string, number>; thresholds?: Record<string, { ok: boolean }> }>
}

export interface ThresholdResult {
  metric: string
  threshold: string
  passed: boolean
}

/** Returns all thresholds with their results, ordered by metric name. */
export function thresholdResults(data: SummaryData): ThresholdResult[] {
  const byName = Object.entries(data.metrics).sort(([a], [b]) => a.localeCompare(b))
  return byName.flatMap(([metric, { thresholds = {} }]) =>
    Object.entries(thresholds).map(([threshold, { ok }]) => ({ metric, threshold, passed: ok })),
  )
}

/** Returns the run's settings, thresholds and metrics as JSON. Times in the summary are in milliseconds. */
export function jsonSummary(data: SummaryData, settings: Settings): string {
  const results = thresholdResults(data)
  const report = {
    ...settings,
    durationSeconds: data.state.testRunDurationMs / 1000,
    passed: results.length > 0 && results.every((result) => result.passed),
    thresholds: results,
    metrics: Object.fromEntries(Object.entries(data.metrics).map(([name, { values }]) => [name, values])),
  }
  return `${JSON.stringify(report, null, 2)}\n`
}

/** Returns the summary as text. */
export function textSummary(data: SummaryData, settings: Settings, jsonPath: string): string {
  const value = (metric: string, key: string) => data.metrics[metric]?.values[key]
  // For a trend metric without samples, k6 reports zeros, which would look like instant responses in the summary.
  const times = (metric: string) =>
    value(metric, 'count') ? ['med', 'p(95)', 'p(99)', 'max'].map((key) => milliseconds(value(metric, key))).join('  ') : '     none'
  const count = (metric: string) => String(value(metric, 'count') ?? 0)
  const results = thresholdResults(data)
  const failed = results.filter((result) => !result.passed).length
  const [ran, planned] = [data.state.testRunDurationMs, curveLengthMs(settings.stages)].map((ms) => Math.round(ms / 1000))
  const early = (ran ?? 0) < (planned ?? 0) ? `Ended early, after ${ran} of ${planned} s: the figures cover this part only. ` : ''
  const lines = [
    `${settings.scenario}${settings.short ? ' (short)' : ''}: ${settings.sockets} sockets to ${settings.target}, ` +
      `${Math.round(data.state.testRunDurationMs / 1000)} s, seed ${settings.seed}`,
    '',
    `  sockets opened     ${count(m.socketsOpened.name)}, closed ${count(m.socketsClosed.name)}`,
    `  handshakes ok      ${percent(value(m.connectSuccess.name, 'rate'))}`,
    `  messages sent      ${count(m.messagesSent.name)}, answered ${count(m.messagesAnswered.name)}`,
    `  errors             ${percent(value(m.errors.name, 'rate'))}`,
    `  same replica       ${percent(value(m.stickyReturns.name, 'rate'))} of users that reconnected with their cookie`,
    '',
    '                          p50        p95        p99        max',
    `  connect          ${times(m.connectTime.name)}`,
    `  message          ${times(m.messageRtt.name)}`,
    `  room message     ${times(m.roomDelivery.name)}`,
    '',
    ...results.map(({ metric, threshold, passed }) => `  ${passed ? 'ok    ' : 'MISSED'}  ${metric} ${threshold}`),
    '',
    failed === 0 && results.length > 0 ? `${early}All thresholds met.` : `${early}${failed} of ${results.length} thresholds missed.`,
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
