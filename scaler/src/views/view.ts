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

/** Returns the view's notes as comment lines. */
export function noteLines(marks: Marks): string {
  return notes(marks)
    .map((note) => `# ${note}\n`)
    .join('')
}
