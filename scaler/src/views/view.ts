/** Provides the data for all views: the newest record, and the state that Kubernetes would still have from earlier syncs. */
import type { MetricReport } from '../core/decision.ts'
import type { HorizontalPodAutoscaler, MetricSpec } from '../core/types.ts'
import type { TickRecord } from '../record.ts'
import { rolloutWords } from './words.ts'

export interface View {
  readonly hpa: HorizontalPodAutoscaler
  readonly newest: TickRecord
  readonly records: readonly TickRecord[]
  /** Replica count from the newest sync that could read the scale target; 0 if there is none. */
  readonly currentReplicas: number
  /** Metric reports from one sync, in the order of `hpa.metrics`; empty if no metric was evaluated. */
  readonly reports: readonly MetricReport[]
  /**
   * Time of the oldest record in the log, in milliseconds since the Unix epoch. The log size is limited, so the autoscaler may be older
   * than the oldest record.
   */
  readonly createdMs: number
  /** Converts engine seconds to milliseconds since the Unix epoch. */
  readonly wallMs: (engineSeconds: number) => number
}

/** Returns the data that the views display, or null if there are no records. */
export function viewOf(records: readonly TickRecord[]): View | null {
  const [oldest] = records
  const newest = records.at(-1)
  if (oldest === undefined || newest === undefined) return null
  const readable = records.findLast(({ decision }) => decision.currentReplicas !== null)
  // Every time that is given in engine seconds is the time of a sync. The record of that sync contains the corresponding wall-clock time.
  const known = new Map(records.map(({ decision, time }) => [decision.timeSeconds, Date.parse(time)]))
  const oldestMs = Date.parse(oldest.time)
  return {
    hpa: newest.hpa,
    newest,
    records,
    currentReplicas: readable?.decision.currentReplicas ?? 0,
    reports: readable?.decision.metrics ?? [],
    createdMs: oldestMs,
    wallMs: (seconds) => known.get(seconds) ?? oldestMs - ((oldest.decision.timeSeconds - seconds) * 1000) / oldest.timeScale,
  }
}

/**
 * Returns the views of all autoscalers in a log, ordered by name. An autoscaler that has had no record for a while, although others have,
 * was removed from the files and is left out.
 */
export function viewsOf(records: readonly TickRecord[]): View[] {
  const byName = Map.groupBy(records, ({ hpa }) => hpa.name)
  const views = [...byName.values()].flatMap((own) => viewOf(own) ?? [])
  const newestMs = Math.max(...views.map(({ newest }) => Date.parse(newest.time)))
  return views
    .filter(({ newest }) => newestMs - Date.parse(newest.time) <= quietMs(newest))
    .sort((a, b) => (a.hpa.name < b.hpa.name ? -1 : 1))
}

/**
 * Number of sync periods without a record after which an autoscaler counts as quiet. While calls to Docker fail, the control loop waits for
 * up to 8 sync periods between two records.
 */
const quietPeriods = 10

/** Returns the time after a record, in milliseconds, until which the next record must exist. */
export function quietMs({ options, timeScale }: TickRecord): number {
  return (quietPeriods * options.syncPeriodSeconds * 1000) / timeScale
}

/** Returns a metric's name, which is the name of its resource or its series. */
export function metricName(metric: MetricSpec): string {
  return metric.type === 'Resource' || metric.type === 'ContainerResource' ? metric.name : metric.metric.name
}

type Marks = Pick<TickRecord, 'timeScale' | 'paused' | 'rollout' | 'refusedFiles'>

/**
 * Returns the notes that every output must contain: about time compression, a pause, a rollout and refused files. Each note is one line
 * long.
 */
export function notes({ timeScale, paused, rollout, refusedFiles }: Marks): string[] {
  const compressed = `compressed time: every period and window takes 1/${timeScale} of the time in the file`
  const held = 'paused: the scaler decides, but does not change the replicas, until `./lab scaler resume`'
  const refused = `the changed files are refused, and the previous settings stay in use: ${refusedFiles}`
  return [
    ...(timeScale === 1 ? [] : [compressed]),
    ...(paused ? [held] : []),
    ...(rollout === undefined ? [] : [`${rolloutWords(rollout)}: it carries out the number of replicas`]),
    ...(refusedFiles === undefined ? [] : [refused]),
  ]
}

/** Returns the notes about several records as comment lines. A note that does not apply to all of them begins with the autoscaler's name. */
export function noteLinesOf(records: readonly TickRecord[]): string {
  const all = records.map((record) => ({ name: record.hpa.name, notes: notes(record) }))
  const shared = (all[0]?.notes ?? []).filter((note) => all.every((one) => one.notes.includes(note)))
  const own = all.flatMap((one) => one.notes.filter((note) => !shared.includes(note)).map((note) => `${one.name}: ${note}`))
  return [...shared, ...own].map((note) => `# ${note}\n`).join('')
}

/** Returns the view's notes as comment lines. */
export function noteLines(marks: Marks): string {
  return notes(marks)
    .map((note) => `# ${note}\n`)
    .join('')
}
