/** What all views look at: the newest record, and what Kubernetes would still know from the ones before. */
import type { MetricReport } from '../core/decision.ts'
import type { HorizontalPodAutoscaler, MetricSpec } from '../core/types.ts'
import type { TickRecord } from '../record.ts'

export interface View {
  readonly hpa: HorizontalPodAutoscaler
  readonly newest: TickRecord
  readonly records: readonly TickRecord[]
  /** Of the newest synchronisation that could read the scale target; 0 when none could. */
  readonly currentReplicas: number
  /** By position in `hpa.metrics`, from the same synchronisation; empty when no metric was looked at. */
  readonly reports: readonly MetricReport[]
  /** The oldest record that is kept: the log is bounded, so the autoscaler may be older. Milliseconds since 1970. */
  readonly createdMs: number
  /** From the engine's seconds to milliseconds since 1970. */
  readonly wallMs: (engineSeconds: number) => number
}

/** null when there is no record. */
export function viewOf(records: readonly TickRecord[]): View | null {
  const [oldest] = records
  const newest = records.at(-1)
  if (oldest === undefined || newest === undefined) return null
  const readable = records.findLast(({ decision }) => decision.currentReplicas !== null)
  // Everything the engine puts a time to happened at a synchronisation; compressed or not, its record knows the moment.
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

/** The name a metric goes by: of the resource, or of the series. */
export function metricName(metric: MetricSpec): string {
  return metric.type === 'Resource' || metric.type === 'ContainerResource' ? metric.name : metric.metric.name
}

type Marks = Pick<TickRecord, 'timeScale' | 'paused' | 'refusedFiles'>

/** What must not be overlooked in any output: compressed time, a pause, and files that are not taken. One line each. */
export function notes({ timeScale, paused, refusedFiles }: Marks): string[] {
  const compressed = `compressed time: every period and window takes 1/${timeScale} of what the file says`
  const held = 'paused: decisions are written down but the replicas are left alone, until `npm run scaler -- resume`'
  const refused = `the settings from before hold; the files are refused: ${refusedFiles}`
  return [...(timeScale === 1 ? [] : [compressed]), ...(paused ? [held] : []), ...(refusedFiles === undefined ? [] : [refused])]
}

/** The notes as comment lines above a text. */
export function noteLines(marks: Marks): string {
  return notes(marks)
    .map((note) => `# ${note}\n`)
    .join('')
}
