/** Takes every recorded decision again, from the recorded observation and the recorded settings: nothing may differ. */
import type { Step } from '../core/decide.ts'
import { decide, recordRescale } from '../core/decide.ts'
import type { Memory } from '../core/decision.ts'
import { emptyMemory } from '../core/decision.ts'
import { resumedState } from '../loop.ts'
import type { TickRecord } from '../record.ts'

export interface Difference {
  readonly time: string
  /** The first field that differs: decision.metrics.0.reasoning.ratio */
  readonly field: string
  readonly recorded: string
  readonly replayed: string
}

export interface Verification {
  readonly compared: number
  readonly differences: readonly Difference[]
  /** The first record of a log whose beginning is not kept: what was remembered before it is not known. */
  readonly startedLate: boolean
}

/**
 * Each record starts from what the one before it remembered, and what it remembers itself is compared as well: so the
 * whole chain is the same, not only each link. How a write went is taken from the record: that was the world's answer.
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

/** What may have been remembered: what the record before says, or after a long gap what a restart makes of it. */
function memoriesBefore(record: TickRecord, before: TickRecord | undefined): Memory[] {
  if (before === undefined) return [emptyMemory]
  const { hpa, options: controller, timeScale, observation } = record
  const restarted = resumedState(before, { hpa, controller, timeScale, dryRun: false }, observation.timeSeconds / timeScale)
  return [before.memory, restarted.memory]
}

function differenceOf(record: TickRecord, memory: Memory): Difference | null {
  const { decision, memory: after } = again(record, memory)
  const difference = firstDifference(plain({ decision: record.decision, memory: record.memory }), plain({ decision, memory: after }), [])
  return difference && { time: record.time, ...difference }
}

function again(record: TickRecord, memory: Memory): Step {
  const { hpa, options, observation } = record
  const step = decide(hpa, options, observation, memory)
  switch (record.decision.rescale) {
    case 'Succeeded':
      return recordRescale(hpa, options, step, { ok: true })
    case 'Failed':
      return recordRescale(hpa, options, step, { error: record.action?.error ?? record.action?.result ?? '' })
    default:
      return step
  }
}

/** As it comes out of a file. */
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
