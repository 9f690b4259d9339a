/** Our figures over theirs, with both numbers and where they come from; "not measured" where nothing was. Pure. */
import type { BenchmarkRow } from './benchmarks.ts'
import { againstWs, type Published, published, type RunFigure, runFigures } from './published.ts'
import type { Comparison } from './schema.ts'

const benchPage = 'docs/benchmarks.md'

/**
 * @param figures of the run; null: not measured
 * @param normal p95 of room messages at the normal rate, against which the one at ten times the rate stands
 * @param remarks what has to be known of a figure of this run
 */
export function comparisonsOf(
  figures: Readonly<Record<RunFigure, number | null>>,
  normal: number | null,
  benchmarks: readonly BenchmarkRow[],
  remarks: Partial<Record<RunFigure, string>> = {},
): Comparison[] {
  const bench = (title: string) => benchmarks.find((row) => row.title === title)
  const ofPublished = published.map((entry) => {
    const remark = entry.ours && 'run' in entry.ours ? remarks[entry.ours.run] : undefined
    return compared({ ...entry, note: [entry.note, remark].filter(Boolean).join('; ') }, oursOf(entry.ours, figures, bench))
  })
  const ofWs = againstWs.flatMap(({ id, what, unit, better }) => {
    const row = bench(id)
    if (row === undefined) return []
    const theirs = { value: row.reference, who: 'plain ws, same machine', source: benchPage }
    const entry = { id: `ws: ${id}`, what, unit, better, note: 'medians of the same rounds, one core', theirs }
    return [compared(entry, { value: row.service, source: `${benchPage}: ${id}` })]
  })
  return [tenTimes(figures, normal), ...ofPublished, ...ofWs].filter((entry) => entry !== undefined)
}

/** Ten times the normal load against the normal load: the same run, minutes apart. */
function tenTimes({ tenTimesP95 }: Readonly<Record<RunFigure, number | null>>, normal: number | null): Comparison | undefined {
  if (normal === null) return undefined
  const entry = {
    ...{ id: 'ten-times-load', what: 'Room message, p95, at 10× the normal load', unit: 'ms', better: 'lower' as const },
    theirs: { value: normal, who: 'the normal load', source: 'this run, at a tenth of the rate' },
    note: '1 would be no change at all; the objective for both is 100 ms',
  }
  return compared(entry, tenTimesP95 === null ? null : { value: tenTimesP95, source: runFigures.tenTimesP95 })
}

function oursOf(
  ours: Published['ours'],
  figures: Readonly<Record<RunFigure, number | null>>,
  bench: (title: string) => BenchmarkRow | undefined,
): Comparison['ours'] {
  if (ours === undefined) return null
  if ('run' in ours) {
    const value = figures[ours.run]
    return value === null ? null : { value, source: runFigures[ours.run] }
  }
  const row = bench(ours.bench)
  return row === undefined ? null : { value: row.service, source: `${benchPage}: ${ours.bench}` }
}

/** The verdict: ten times as good, better (or as good), worse. Of nothing at all, where less is better, it is ten times as good. */
export function compared(entry: Omit<Comparison, 'ours' | 'ratio' | 'verdict'>, ours: Comparison['ours']): Comparison {
  const { id, what, unit, better, theirs, note } = entry
  const rest = { id, what, unit, better, ours, theirs, note }
  if (ours === null || theirs.value === 0) return { ...rest, ratio: null, verdict: 'not measured' }
  const ratio = ours.value / theirs.value
  const factor = better === 'higher' ? ratio : ratio === 0 ? Number.POSITIVE_INFINITY : 1 / ratio
  return { ...rest, ratio, verdict: factor >= 10 ? '10×' : factor >= 1 ? 'better' : 'worse' }
}
