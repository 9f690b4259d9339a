/** Before and after: metric by metric, with the noise of at least three runs. Pure. */
import type { ProofReport } from './schema.ts'

/** So many runs of one side give a band. */
export const runsForBand = 3
/** Less than this share of the value is nothing to speak of, however steady the runs were. */
const leastShare = 0.01

export type BandKind = 'min-max' | 'sigma'

interface Metric {
  name: string
  unit: string
  better: 'lower' | 'higher'
  /** A count in which there is no noise: any one more is worse. */
  exact?: true
  of: (report: ProofReport) => number | null
}

const latency =
  (id: string, at: 'p50' | 'p99') =>
  ({ latencies }: ProofReport) =>
    latencies.find((one) => one.id === id)?.times[at] ?? null
const slo =
  (id: string) =>
  ({ slos }: ProofReport) =>
    slos.find((one) => one.id === id)?.value ?? null
const finding =
  (kind: string) =>
  ({ ledger }: ProofReport) =>
    ledger.findings[kind] ?? null

const metrics: readonly Metric[] = [
  { name: 'objectives that hold', unit: '', better: 'higher', of: ({ slos }) => slos.filter(({ pass }) => pass).length },
  ...['lost', 'doubled', 'reordered', 'unexplained'].map(
    (kind): Metric => ({ name: kind, unit: '', better: 'lower', exact: true, of: finding(kind) }),
  ),
  { name: 'availability', unit: '%', better: 'higher', of: slo('availability') },
  ...['connect', 'answer', 'stored', 'delivery', 'across', 'crash', 'drain-away'].flatMap((id): Metric[] => [
    { name: `${id} p50`, unit: 'ms', better: 'lower', of: latency(id, 'p50') },
    { name: `${id} p99`, unit: 'ms', better: 'lower', of: latency(id, 'p99') },
  ]),
  { name: 'drain, longest', unit: 'ms', better: 'lower', of: slo('drain') },
  { name: 'scaling up', unit: 's', better: 'lower', of: slo('scaling') },
  { name: 'CPU of all replicas per million deliveries', unit: 's', better: 'lower', of: cpuPerMillion },
  { name: 'memory of a replica at most', unit: 'MiB', better: 'lower', of: memoryPeak },
  { name: 'cost of a million messages, by request', unit: '', better: 'lower', of: ({ cost }) => cost.byRequest.perMillionMessages },
  { name: 'cost of a million messages, by usage', unit: '', better: 'lower', of: ({ cost }) => cost.byUsage?.perMillionMessages ?? null },
]

function cpuPerMillion({ resources, ledger }: ProofReport): number | null {
  const used = resources.replicas.map(({ cpuSeconds }) => cpuSeconds)
  if (used.length === 0 || used.includes(null) || ledger.delivered === 0) return null
  return (used.reduce<number>((sum, seconds) => sum + (seconds ?? 0), 0) / ledger.delivered) * 1e6
}

function memoryPeak({ resources }: ProofReport): number | null {
  const peaks = resources.replicas.flatMap(({ memoryPeakBytes }) => (memoryPeakBytes === null ? [] : [memoryPeakBytes]))
  return peaks.length === 0 ? null : Math.max(...peaks) / 2 ** 20
}

export interface Side {
  median: number | null
  /** null: of fewer than three runs no band can be given. */
  band: readonly [number, number] | null
  runs: number
}

export type CompareVerdict = 'better' | 'worse' | 'within noise' | 'no band' | 'not measured'

export interface Compared {
  name: string
  unit: string
  before: Side
  after: Side
  verdict: CompareVerdict
}

export interface Comparison {
  rows: Compared[]
  /** What makes the two hard to compare: other settings, machines, or too few runs. */
  notes: string[]
  worse: boolean
}

export function compare(before: readonly ProofReport[], after: readonly ProofReport[], kind: BandKind): Comparison {
  const rows = metrics.map((metric): Compared => {
    const [a, b] = [sideOf(before, metric, kind), sideOf(after, metric, kind)]
    return { name: metric.name, unit: metric.unit, before: a, after: b, verdict: verdictOf(a, b, metric) }
  })
  return { rows, notes: notesOf(before, after), worse: rows.some(({ verdict }) => verdict === 'worse') }
}

function sideOf(reports: readonly ProofReport[], { of }: Metric, kind: BandKind): Side {
  const values = reports.flatMap((report) => of(report) ?? [])
  if (values.length === 0) return { median: null, band: null, runs: 0 }
  return { median: median(values), band: values.length < runsForBand ? null : bandOf(values, kind), runs: values.length }
}

function bandOf(values: readonly number[], kind: BandKind): [number, number] {
  if (kind === 'min-max') return [Math.min(...values), Math.max(...values)]
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length
  const sigma = Math.sqrt(values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / (values.length - 1))
  return [mean - 2 * sigma, mean + 2 * sigma]
}

/**
 * Beyond noise are medians whose bands don't meet. With a band on one side alone, the other's median must lie outside of it;
 * without any there is nothing to say, but for counts that have no noise.
 */
function verdictOf(before: Side, after: Side, { better, exact }: Metric): CompareVerdict {
  const [a, b] = [before.median, after.median]
  if (a === null || b === null) return 'not measured'
  const change = better === 'lower' ? b - a : a - b
  if (exact) {
    const worst = (side: Side) => side.band?.[better === 'lower' ? 1 : 0] ?? side.median ?? 0
    const grown = better === 'lower' ? worst(after) - worst(before) : worst(before) - worst(after)
    return grown > 0 ? 'worse' : grown < 0 ? 'better' : 'within noise'
  }
  if (before.band === null && after.band === null) return 'no band'
  const [aLow, aHigh] = before.band ?? [a, a]
  const [bLow, bHigh] = after.band ?? [b, b]
  const meet = aLow <= bHigh && bLow <= aHigh
  if (meet || Math.abs(change) <= Math.abs(a) * leastShare) return 'within noise'
  return change > 0 ? 'worse' : 'better'
}

function notesOf(before: readonly ProofReport[], after: readonly ProofReport[]): string[] {
  const few = [
    ['before', before.length],
    ['after', after.length],
  ] as const
  const notes = few
    .filter(([, runs]) => runs < runsForBand)
    .map(([side, runs]) => `${side}: ${runs} ${runs === 1 ? 'run' : 'runs'}; no noise band can be given of fewer than ${runsForBand}`)
  const all = [...before, ...after]
  const differ = (what: string, of: (report: ProofReport) => string) => {
    const found = [...new Set(all.map(of))]
    if (found.length > 1) notes.push(`${what} differ: ${found.join('; ')}`)
  }
  differ(
    'settings',
    ({ settings: s }) => `${s.sockets} sockets, ${s.rooms} rooms, ${s.guests} guests, ${s.rate}/s, faults ${s.faults.join(',')}`,
  )
  differ('machines', ({ environment: { cores, memoryBytes, cpu } }) => `${cores} cores, ${Math.round(memoryBytes / 2 ** 20)} MiB, ${cpu}`)
  differ('scaling', ({ scaling: { by, timeScale } }) => `by the ${by}${timeScale === null ? '' : `, time scale ${timeScale}`}`)
  differ(
    'prices',
    ({ cost: { currency, prices, request } }) =>
      `${prices.perVcpuHour}/${prices.perGibHour} ${currency} for ${request.vcpu} vCPU and ${request.gib} GiB`,
  )
  return notes
}

function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b)
  return ((sorted[sorted.length >> 1] ?? 0) + (sorted[(sorted.length - 1) >> 1] ?? 0)) / 2
}
