/** Compares a replica curve with expectations. Pure. */
import { figuresOf } from '@lab/scaler/replay/figures.ts'
import type { CurvePoint } from '@lab/scaler/replay/replay.ts'
import { boundsText, type Expectation, expectationName } from './expectations.ts'

export interface Verdict {
  readonly name: string
  readonly met: boolean
  /** What the autoscaler did. */
  readonly observed: string
}

/** Returns a verdict for each expectation. @param points the curve, in chronological order; times in expectations count from its first point */
export function judge(expectations: readonly Expectation[], points: readonly CurvePoint[]): Verdict[] {
  const start = points[0]?.timeSeconds ?? 0
  const relative = points.map((point) => ({ ...point, timeSeconds: point.timeSeconds - start }))
  return expectations.map((expectation) => {
    const { after = 0, until = Number.POSITIVE_INFINITY } = expectation
    return { name: expectationName(expectation), ...verdictOn(expectation, between(relative, after, until)) }
  })
}

/** Returns the points from a time on, including the point that is in effect at that time. */
function between(points: readonly CurvePoint[], from: number, to: number): CurvePoint[] {
  const first = Math.max(
    0,
    points.findLastIndex(({ timeSeconds }) => timeSeconds <= from),
  )
  return points.slice(first).filter(({ timeSeconds }) => timeSeconds <= to)
}

type Judged = Omit<Verdict, 'name'>

function verdictOn(expectation: Expectation, points: readonly CurvePoint[]): Judged {
  const { replicas, ready, changes, aboveTarget, replicaSeconds, after = 0, within } = expectation
  if (points.length === 0) return { met: false, observed: 'the load ends before this time' }
  if (replicas !== undefined) return countVerdict(replicas, points, { after, within, of: (point) => point.replicas })
  if (ready !== undefined) return countVerdict(ready, points, { after, within, of: (point) => point.ready })
  if (changes !== undefined) return changesVerdict(changes, points)
  if (aboveTarget !== undefined) return aboveVerdict(aboveTarget, points)
  const used = Math.round(figuresOf(points).replicaSeconds)
  return { met: used <= (replicaSeconds?.atMost ?? 0), observed: `${used} replica-seconds` }
}

interface Counting {
  readonly after: number
  readonly within: number | undefined
  readonly of: (point: CurvePoint) => number
}

type Bounds = NonNullable<Expectation['replicas']>

/** With `within`, the count must be in its bounds at one point until then; otherwise at all points. */
function countVerdict(bounds: Bounds, points: readonly CurvePoint[], { after, within, of }: Counting): Judged {
  const fits = (point: CurvePoint) => of(point) >= (bounds.atLeast ?? 0) && of(point) <= (bounds.atMost ?? Number.POSITIVE_INFINITY)
  const at = ({ timeSeconds }: CurvePoint) => `${Math.round(Math.max(after, timeSeconds))} s`
  if (within !== undefined) {
    const first = points.find(fits)
    const met = first !== undefined && first.timeSeconds <= after + within
    if (first !== undefined)
      return { met, observed: `${of(first)} at ${at(first)}, ${Math.round(Math.max(0, first.timeSeconds - after))} s later` }
    const closest = closestTo(bounds, points, of)
    return { met, observed: `never ${boundsText(bounds)}; the closest was ${of(closest)} at ${at(closest)}` }
  }
  const wrong = points.find((point) => !fits(point))
  if (wrong !== undefined) return { met: false, observed: `${of(wrong)} at ${at(wrong)}` }
  const counts = points.map(of)
  const [least, most] = [Math.min(...counts), Math.max(...counts)]
  return { met: true, observed: least === most ? `always ${least}` : `${least} to ${most}` }
}

function closestTo(
  { atLeast = 0, atMost = Number.POSITIVE_INFINITY }: Bounds,
  points: readonly CurvePoint[],
  of: Counting['of'],
): CurvePoint {
  const distance = (point: CurvePoint) => Math.max(atLeast - of(point), of(point) - atMost, 0)
  return points.reduce((best, point) => (distance(point) < distance(best) ? point : best))
}

/** Compares the number of changes in the busiest time of the given length, or in the whole time, with the greatest allowed number. */
function changesVerdict(changes: NonNullable<Expectation['changes']>, points: readonly CurvePoint[]): Judged {
  const times = points.filter(({ changed }) => changed).map(({ timeSeconds }) => timeSeconds)
  const { atMost, in: length = Number.POSITIVE_INFINITY } = changes
  const counts = times.map((time, i) => times.slice(i).filter((later) => later < time + length).length)
  const most = Math.max(0, ...counts)
  const from = counts.indexOf(most)
  const observed =
    most === 0
      ? 'no change'
      : `${most} ${most === 1 ? 'change' : 'changes'}, from ${Math.round(times[from] ?? 0)} s to ${Math.round(times[from + most - 1] ?? 0)} s`
  return { met: most <= atMost, observed }
}

function aboveVerdict({ longest, total }: NonNullable<Expectation['aboveTarget']>, points: readonly CurvePoint[]): Judged {
  const stretch = longestAbove(points)
  const all = Math.round(figuresOf(points).aboveTargetSeconds)
  const met = stretch.seconds <= (longest ?? Number.POSITIVE_INFINITY) && all <= (total ?? Number.POSITIVE_INFINITY)
  const parts = stretch.seconds === 0 ? 'never' : `${Math.round(stretch.seconds)} s from ${Math.round(stretch.from)} s on`
  return { met, observed: total === undefined ? parts : `${parts}; ${all} s in total` }
}

/** Returns the longest uninterrupted time in which the ready replicas were too few for the load. */
function longestAbove(points: readonly CurvePoint[]): { seconds: number; from: number } {
  let best = { seconds: 0, from: 0 }
  let since: number | null = null
  for (const [i, { timeSeconds, needed, ready }] of points.entries()) {
    if (needed === null || needed <= ready) {
      since = null
      continue
    }
    since ??= timeSeconds
    const seconds = (points[i + 1]?.timeSeconds ?? timeSeconds) - since
    if (seconds > best.seconds) best = { seconds, from: since }
  }
  return best
}
