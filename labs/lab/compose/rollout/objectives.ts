/** Checks whether an updated version meets its objectives for errors and latency, both under the smoke test and with real clients. */
import { milliseconds, percent, share, type VersionReading } from './version-reading.ts'

export interface Objectives {
  /** Maximum fraction of messages to which the service may respond with an error, from 0 to 1. */
  readonly maxErrorRatio: number
  /** Time within which 95 % of the replies must arrive. Seconds. */
  readonly maxP95Seconds: number
}

/** The default latency limit of a rollout equals the threshold of the MessageLatencyHigh alert. */
export const defaultObjectives: Objectives = { maxErrorRatio: 0.05, maxP95Seconds: 1 }

/** The metrics of one version that the objectives use. */
export type ObjectiveReading = Pick<VersionReading, 'messages' | 'errors' | 'latencySeconds'>

/** Minimum number of messages required to check the objectives, so that a single error or slow reply does not decide the result. */
const fewestMessages = 20

/**
 * Describes the objective that the updated version misses; undefined if it meets every objective, or if there are too few messages to
 * decide. A missed objective is ignored if the old version misses it by a larger margin, because a rollback would then make the service
 * worse. Pure.
 */
export function missedObjective(updated: ObjectiveReading, old: ObjectiveReading | undefined, objectives: Objectives): string | undefined {
  if (updated.messages < fewestMessages) return undefined
  const oldRatio = ratioOf(old)
  const ratio = ratioOf(updated)
  const before = (text: string | undefined) => (text === undefined ? '' : `, the old version ${text}`)
  if (ratio > objectives.maxErrorRatio && ratio > oldRatio)
    return `${percent(ratio)} of its messages are answered with an error, allowed are ${percent(objectives.maxErrorRatio)}${before(old && percent(oldRatio))}`
  const { latencySeconds = 0 } = updated
  if (latencySeconds > objectives.maxP95Seconds && latencySeconds > (old?.latencySeconds ?? 0))
    return `95 % of its answers take ${milliseconds(latencySeconds)}, allowed are ${milliseconds(objectives.maxP95Seconds)}${before(old?.latencySeconds === undefined ? undefined : milliseconds(old.latencySeconds))}`
  return undefined
}

function ratioOf(reading: ObjectiveReading | undefined): number {
  return reading === undefined ? 0 : share(reading.errors, reading.messages)
}

/** Returns the 95th percentile, computed with the nearest-rank method. Pure. */
export function p95(values: readonly number[]): number | undefined {
  return values.toSorted((a, b) => a - b)[Math.ceil(0.95 * values.length) - 1]
}
