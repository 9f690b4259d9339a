/** Defines the result of a parity run, and decides whether the controller and the lab agree. Pure. */
import { type ComparedMoment, type Level, levels } from './compare.ts'
import { type CurveComparison, type CurvePoint, isParity } from './curves.ts'

export interface Loop {
  readonly moments: readonly ComparedMoment[]
  /** Number of syncs whose state was not complete or not constant, because the machine was too slow. They can cause differences. */
  readonly late: number
}

export interface ParityResult {
  readonly startedAt: string
  /** The version of Kubernetes. */
  readonly kubernetes: string
  readonly recording: { readonly id: string; readonly source: string; readonly timeScale: number }
  readonly syncPeriodSeconds: number
  readonly open: Loop
  readonly closed: Loop & {
    readonly controller: readonly CurvePoint[]
    readonly replay: readonly (CurvePoint & { readonly needed: number | null })[]
    readonly comparison: CurveComparison
  }
}

/** Returns at how many syncs the controller and the engine agree on a level, for example `49 of 49`. */
export function agreement({ moments }: Loop, level: Level): { readonly text: string; readonly isFull: boolean } {
  const compared = moments.filter((moment) => moment.compared.includes(level))
  const equal = compared.filter(({ differences }) => differences.every((one) => one.level !== level))
  return { text: `${equal.length} of ${compared.length}`, isFull: equal.length === compared.length }
}

/** Returns the reasons why the run does not show parity; an empty list means that it does. */
export function problemsOf({ open, closed }: ParityResult): string[] {
  const loop = (name: string, one: Loop, others: readonly string[] = []) => {
    const unequal = levels.flatMap((level) => {
      const { text, isFull } = agreement(one, level)
      return isFull ? [] : [`${name} loop: only ${text} syncs are equal in ${level}`]
    })
    const found = [...unequal, ...others]
    if (found.length === 0 || one.late === 0) return found
    const advice = 'use a smaller --time-scale, or end other programs'
    return [...found, `${name} loop: the differences may be wrong, because the machine was too slow at ${one.late} syncs: ${advice}`]
  }
  const curves = isParity(closed.comparison) ? [] : ['closed loop: the replica curves differ by more than the limits']
  return [...loop('open', open), ...loop('closed', closed, curves)]
}

/** Formats the area between the curves as a percentage of the area below the controller's curve. */
export function areaPercent({ areaBetween, area }: CurveComparison): string {
  return area === 0 ? 'not measured' : `${((areaBetween / area) * 100).toFixed(2)} %`
}

/** Formats the largest number of syncs between corresponding changes. */
export function mostApart({ changes }: CurveComparison): string {
  if (changes.some(({ apart }) => apart === null)) return 'different changes'
  return String(Math.max(0, ...changes.map(({ apart }) => apart ?? 0)))
}

/** Formats the result as lines of text. */
export function summaryOf(result: ParityResult): string {
  const problems = problemsOf(result)
  const loop = (name: string, one: Loop) =>
    `${name} loop, equal syncs: ${levels.map((level) => `${level} ${agreement(one, level).text}`).join(', ')}`
  const { comparison } = result.closed
  return [
    loop('open', result.open),
    loop('closed', result.closed),
    `replica curves: ${areaPercent(comparison)} apart; ${comparison.changes.length} changes, at most ${mostApart(comparison)} syncs apart`,
    problems.length === 0 ? `parity with kube-controller-manager ${result.kubernetes}` : `no parity: ${problems.join('; ')}`,
  ].join('\n')
}
