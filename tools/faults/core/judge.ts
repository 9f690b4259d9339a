/** Determines whether observations meet an expectation. Pure. */
import type { LabKind } from '@lab/lab/lab.ts'
import type { Expectation } from '../fault.ts'

/** The result of checking an expectation once. */
export interface Observation {
  /** Time of the check, in seconds since the phase began. */
  atSeconds: number
  /** Whether the condition held; undefined if it could not be checked. */
  holds: boolean | undefined
  /** Description of the observed state. */
  seen: string
}

export interface Finding {
  phase: Expectation<LabKind>['phase']
  what: string
  asExpected: boolean
  /** Time at which the condition first held, in seconds since the phase began; null if it never held or had to hold throughout. */
  afterSeconds: number | null
  detail: string
}

/** The expectation fields that `judge` uses. */
export type Judged = Pick<Expectation<LabKind>, 'phase' | 'what' | 'withinSeconds' | 'steadySeconds'>

/** @param observations the results of the checks, in chronological order */
export function judge({ phase, what, withinSeconds, steadySeconds }: Judged, observations: readonly Observation[]): Finding {
  const judgement =
    withinSeconds === undefined
      ? judgeThroughout(observations)
      : judgeWithin(observations, { withinSeconds, steadySeconds: steadySeconds ?? 0 })
  return { phase, what, ...judgement }
}

/** Returns whether the result is final, that is, whether no additional check can change it. */
export function isSettled({ withinSeconds, steadySeconds = 0 }: Judged, observations: readonly Observation[]): boolean {
  if (withinSeconds === undefined) return false
  return heldSince(observations, steadySeconds) !== undefined || (observations.at(-1)?.atSeconds ?? 0) > withinSeconds
}

/** Formats a finding as one line of progress output. */
export function findingText({ asExpected, what, detail }: Finding): string {
  return `${asExpected ? 'as expected' : 'NOT as expected'}: ${what}: ${detail}`
}

type Judgement = Omit<Finding, 'phase' | 'what'>

function judgeThroughout(observations: readonly Observation[]): Judgement {
  const checked = observations.filter(({ holds }) => holds !== undefined)
  const broken = checked.find(({ holds }) => !holds)
  const base = { asExpected: false, afterSeconds: null }
  if (checked.length === 0) return { ...base, detail: `could not be checked: ${lastSeen(observations)}` }
  if (broken) return { ...base, detail: `did not hold after ${rounded(broken.atSeconds)} s: ${broken.seen}` }
  return { ...base, asExpected: true, detail: `held at each of ${checked.length} checks` }
}

function judgeWithin(observations: readonly Observation[], bounds: { withinSeconds: number; steadySeconds: number }): Judgement {
  const { withinSeconds, steadySeconds } = bounds
  const at = heldSince(observations, steadySeconds)
  if (at !== undefined && at <= withinSeconds)
    return { asExpected: true, afterSeconds: rounded(at), detail: `after ${rounded(at)} s (allowed: ${withinSeconds} s)` }
  const late = at === undefined ? 'not' : `only after ${rounded(at)} s, not`
  return { asExpected: false, afterSeconds: null, detail: `${late} within ${withinSeconds} s: ${lastSeen(observations)}` }
}

/** Returns the first time from which the condition held for the required time; undefined if it never held that long. */
function heldSince(observations: readonly Observation[], steadySeconds: number): number | undefined {
  let since: number | undefined
  for (const { atSeconds, holds } of observations) {
    if (holds === true) since ??= atSeconds
    if (holds === false) since = undefined
    if (since !== undefined && atSeconds - since >= steadySeconds) return since
  }
  return undefined
}

function lastSeen(observations: readonly Observation[]): string {
  return observations.at(-1)?.seen ?? 'the condition was not checked'
}

function rounded(seconds: number): number {
  return Math.round(seconds * 10) / 10
}
