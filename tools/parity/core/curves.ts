/** Compares the replica curve of the real controller with the curve of the lab's replay. Pure. */

export interface CurvePoint {
  readonly atSeconds: number
  readonly replicas: number
}

export interface CurveComparison {
  /** Area between the curves, in replica-seconds. */
  readonly areaBetween: number
  /** Area below the controller's curve, in replica-seconds. */
  readonly area: number
  /** The changes of both curves in order; a null means that the curve has fewer changes. */
  readonly changes: readonly ComparedChange[]
}

export interface ComparedChange {
  readonly controller: Change | null
  readonly replay: Change | null
  /** Number of syncs between the two changes; null if the changes are not the same. */
  readonly apart: number | null
}

export interface Change {
  /** Index of the sync. */
  readonly index: number
  readonly atSeconds: number
  readonly from: number
  readonly to: number
}

/** Largest allowed ratio of the area between the curves to the area below the controller's curve. */
export const maxAreaRatio = 0.02

/** Largest allowed number of syncs between corresponding changes. */
export const maxSyncsApart = 1

/** Compares two step curves with the same times. @param first number of replicas before the first sync */
export function compareCurves(controller: readonly CurvePoint[], replay: readonly CurvePoint[], first: number): CurveComparison {
  let [areaBetween, area] = [0, 0]
  for (const [i, { atSeconds, replicas }] of controller.entries()) {
    const seconds = (controller[i + 1]?.atSeconds ?? atSeconds) - atSeconds
    areaBetween += Math.abs(replicas - (replay[i]?.replicas ?? 0)) * seconds
    area += replicas * seconds
  }
  const [real, modelled] = [changesOf(controller, first), changesOf(replay, first)]
  const changes = Array.from({ length: Math.max(real.length, modelled.length) }, (_, i) => {
    const [a, b] = [real[i] ?? null, modelled[i] ?? null]
    const isSame = a !== null && b !== null && a.from === b.from && a.to === b.to
    return { controller: a, replay: b, apart: isSame ? Math.abs(a.index - b.index) : null }
  })
  return { areaBetween, area, changes }
}

/** Whether the area between the curves is small enough, and all changes are the same and at most one sync apart. */
export function isParity({ areaBetween, area, changes }: CurveComparison): boolean {
  return areaBetween < maxAreaRatio * area && changes.every(({ apart }) => apart !== null && apart <= maxSyncsApart)
}

function changesOf(points: readonly CurvePoint[], first: number): Change[] {
  return points.flatMap(({ atSeconds, replicas }, i) => {
    const from = points[i - 1]?.replicas ?? first
    return from === replicas ? [] : [{ index: i, atSeconds, from, to: replicas }]
  })
}
