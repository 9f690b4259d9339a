/** The data of all views: the newest record, and the state that Kubernetes would still have from earlier synchronisations. */
import type { MetricReport } from '../core/decision.ts'
import type { HorizontalPodAutoscaler, MetricSpec } from '../core/types.ts'
import type { TickRecord } from '../record.ts'
import { rolloutWords } from './words.ts'

export interface View {
  readonly hpa: HorizontalPodAutoscaler
  readonly newest: TickRecord
  readonly records: readonly TickRecord[]
  /** Count of the newest synchronisation that could read the scale target; 0 without such a synchronisation. */
  readonly currentReplicas: number
  /** Metric reports of one synchronisation, in the order of `hpa.metrics`. The list is empty if no metric was evaluated. */
  readonly reports: readonly MetricReport[]
  /**
   * Time of the oldest record in the log, in milliseconds since 1970. The log is bounded, so the autoscaler may be older than the oldest
   * record.
   */
  readonly createdMs: number
  /** Converts seconds of the engine to milliseconds since 1970. */
  readonly wallMs: (engineSeconds: number) => number
}

/** Returns the view of records, or null without a record. */
export function viewOf(records: readonly TickRecord[]): View | null {
  const [oldest] = records
  const newest = records.at(-1)
  if (oldest === undefined || newest === undefined) return null
  const readable = records.findLast(({ decision }) => decision.currentReplicas !== null)
  // Every time on the engine's clock is the time of a synchronisation, whose record has the wall-clock time.
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

/** Returns the name of a metric, which is the name of its resource or its series. */
export function metricName(metric: MetricSpec): string {
  return metric.type === 'Resource' || metric.type === 'ContainerResource' ? metric.name : metric.metric.name
}

type Marks = Pick<TickRecord, 'timeScale' | 'paused' | 'rollout' | 'refusedFiles'>

/**
 * Returns the notes that every output must contain, which are about compressed time, a pause, and refused files. Each note of the view is
 * one line.
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

/** Returns the notes of the view as comment lines. */
export function noteLines(marks: Marks): string {
  return notes(marks)
    .map((note) => `# ${note}\n`)
    .join('')
}
