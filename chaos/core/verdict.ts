/** Whether what was said beforehand came true. Pure. */
import type { Statement } from './types.ts'

/** One look at one statement. */
export interface Observation {
  /** Seconds since the phase began. */
  atSeconds: number
  /** undefined: it could not be looked at. */
  held: boolean | undefined
  /** What was seen, for a person. */
  seen: string
}

export interface Finding {
  phase: Statement['phase']
  what: string
  came: boolean
  /** When it held first; null: it did not, or had to hold throughout. Seconds since the phase began. */
  afterSeconds: number | null
  detail: string
}

/** @param observations in the order of time */
export function judge(statement: Statement, observations: readonly Observation[]): Finding {
  return statement.withinSeconds === undefined ? judgeThroughout(statement, observations) : judgeWithin(statement, observations)
}

/** Whether there is nothing more to look for. */
export function isSettled(statement: Statement, observations: readonly Observation[]): boolean {
  if (statement.withinSeconds === undefined) return false
  const last = observations.at(-1)
  return heldSince(statement, observations) !== undefined || (last?.atSeconds ?? 0) > statement.withinSeconds
}

function judgeThroughout({ phase, what }: Statement, observations: readonly Observation[]): Finding {
  const looks = observations.filter(({ held }) => held !== undefined)
  const broken = looks.find(({ held }) => !held)
  const base = { phase, what, afterSeconds: null }
  if (looks.length === 0) return { ...base, came: false, detail: `could not be looked at: ${lastSeen(observations)}` }
  if (broken) return { ...base, came: false, detail: `broken after ${rounded(broken.atSeconds)} s: ${broken.seen}` }
  return { ...base, came: true, detail: `held at each of ${looks.length} looks` }
}

function judgeWithin(statement: Statement, observations: readonly Observation[]): Finding {
  const { phase, what, withinSeconds = 0 } = statement
  const at = heldSince(statement, observations)
  if (at !== undefined && at <= withinSeconds)
    return { phase, what, came: true, afterSeconds: rounded(at), detail: `after ${rounded(at)} s (said: ${withinSeconds} s)` }
  const late = at === undefined ? 'not' : `only after ${rounded(at)} s, not`
  return { phase, what, came: false, afterSeconds: null, detail: `${late} within ${withinSeconds} s: ${lastSeen(observations)}` }
}

/** When it began to hold for as long as it has to; undefined while it has not. */
function heldSince({ steadySeconds = 0 }: Statement, observations: readonly Observation[]): number | undefined {
  let since: number | undefined
  for (const { atSeconds, held } of observations) {
    if (held === true) since ??= atSeconds
    if (held === false) since = undefined
    if (since !== undefined && atSeconds - since >= steadySeconds) return since
  }
  return undefined
}

function lastSeen(observations: readonly Observation[]): string {
  return observations.at(-1)?.seen ?? 'nobody looked'
}

function rounded(seconds: number): number {
  return Math.round(seconds * 10) / 10
}
