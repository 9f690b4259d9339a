/** Recomputes every recorded decision with the recorded observation and settings, and compares the results. */
import { decideWith } from '../ambiguous.ts'
import type { Step } from '../core/decide.ts'
import { recordRescale } from '../core/decide.ts'
import type { Memory } from '../core/decision.ts'
import { emptyMemory } from '../core/decision.ts'
import { resumedState } from '../loop.ts'
import type { TickRecord } from '../record.ts'

export interface Difference {
  readonly time: string
  /** Path of the first field that differs, such as decision.metrics.0.reasoning.ratio. */
  readonly field: string
  readonly recorded: string
  readonly replayed: string
}

export interface Verification {
  readonly compared: number
  readonly differences: readonly Difference[]
  /** Whether the log no longer contains the earliest records, so that the scaler's remembered state before the first record is unknown. */
  readonly startedLate: boolean
}

/**
 * Verifies all records. Each decision is recomputed from the state remembered after the previous record. The resulting state is compared as
 * well, so the whole sequence is verified. The outcome of writing a new replica count is taken from the record.
 */
export function verify(records: readonly TickRecord[]): Verification {
  const differences: Difference[] = []
  let startedLate = false
  records.forEach((record, i) => {
    const before = records[i - 1]
    const [difference, ...others] = memoriesBefore(record, before).map((memory) => differenceOf(record, memory))
    if (difference == null || others.includes(null)) return
    if (before === undefined) startedLate = true
    else differences.push(difference)
  })
  return { compared: records.length - (startedLate ? 1 : 0), differences, startedLate }
}

/**
 * Returns the states that the scaler may have remembered before a record: the state after the previous record or, after a long gap, the
 * state of a restarted scaler.
 */
function memoriesBefore(record: TickRecord, before: TickRecord | undefined): Memory[] {
  if (before === undefined) return [emptyMemory]
  const { hpa, options: controller, timeScale, observation } = record
  const restarted = resumedState(before, { hpa, controller, timeScale, dryRun: false }, observation.timeSeconds / timeScale)
  return [before.memory, restarted.memory]
}

/** Whether a recorded decision follows from the recorded observation and settings, and from the given remembered state. */
export function followsFrom(record: TickRecord, memory: Memory): boolean {
  return differenceOf(record, memory) === null
}

function differenceOf(record: TickRecord, memory: Memory): Difference | null {
  const { decision, memory: after } = again(record, memory)
  const difference = firstDifference(plain({ decision: record.decision, memory: record.memory }), plain({ decision, memory: after }), [])
  return difference && { time: record.time, ...difference }
}

function again(record: TickRecord, memory: Memory): Step {
  const { hpa, options, observation } = record
  const step = decideWith(hpa, options, observation, memory, record.sharing ?? [])
  switch (record.decision.rescale) {
    case 'Succeeded':
      return recordRescale(hpa, options, step, { ok: true })
    case 'Failed':
      return recordRescale(hpa, options, step, { error: record.action?.error ?? record.action?.result ?? '' })
    default:
      return step
  }
}

/** Converts a value to JSON and back, because the decision log stores values as JSON. */
function plain(value: unknown): unknown {
  return JSON.parse(JSON.stringify(value))
}

function firstDifference(recorded: unknown, replayed: unknown, path: readonly string[]): Omit<Difference, 'time'> | null {
  if (isContainer(recorded) && isContainer(replayed)) {
    const keys = new Set([...Object.keys(recorded), ...Object.keys(replayed)])
    for (const key of keys) {
      const difference = firstDifference(Reflect.get(recorded, key), Reflect.get(replayed, key), [...path, key])
      if (difference) return difference
    }
    return null
  }
  if (recorded === replayed) return null
  return { field: path.join('.'), recorded: shown(recorded), replayed: shown(replayed) }
}

function isContainer(value: unknown): value is object {
  return typeof value === 'object' && value !== null
}

function shown(value: unknown): string {
  return JSON.stringify(value) ?? 'nothing'
}
