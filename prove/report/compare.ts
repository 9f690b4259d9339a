/** Before and after: metric by metric, with the noise of at least three runs of each. Pure. */
import { growthOf } from './scaling.ts'
import type { ProofReport } from './schema.ts'
import { slowest } from './slos.ts'
import { upperQuantile } from './students-t.ts'

/** So many runs of each side give a band. */
export const runsForBand = 3
/** Less than this share of the value is nothing to speak of, however steady the runs were: no machine is the same an hour later. */
const leastShare = 0.1
/** How often unchanged code may be called worse, in any of the rows. */
const falseAlarms = 0.04

interface Metric {
  name: string
  unit: string
  better: 'lower' | 'higher'
  /** A count in which there is no noise: any one more is worse, so lower is better. */
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
  { name: 'objectives that do not hold', unit: '', better: 'lower', of: ({ slos }) => slos.filter(({ pass }) => pass === false).length },
  ...['lost', 'doubled', 'reordered', 'unexplained'].map(
    (kind): Metric => ({ name: kind, unit: '', better: 'lower', exact: true, of: finding(kind) }),
  ),
  // A share of availability would hide it: from 99.99 % to 99.9 % is no tenth of anything, and ten times as many errors.
  { name: 'errors', unit: '%', better: 'lower', of: slo('errors') },
  ...['connect', 'answer', 'stored', 'delivery', 'across', 'crash', 'drain-away'].flatMap((id): Metric[] => [
    { name: `${id} p50`, unit: 'ms', better: 'lower', of: latency(id, 'p50') },
    { name: `${id} p99`, unit: 'ms', better: 'lower', of: latency(id, 'p99') },
  ]),
  { name: 'drain, longest', unit: 'ms', better: 'lower', of: slo('drain') },
  { name: 'scaling up by the scaler', unit: 's', better: 'lower', of: slo('scaling') },
  { name: 'from asking for a replica to a socket on it', unit: 's', better: 'lower', of: asked },
  { name: 'CPU of all replicas per million deliveries', unit: 's', better: 'lower', of: cpuPerMillion },
  { name: 'memory of a replica at most', unit: 'MiB', better: 'lower', of: memoryPeak },
  { name: 'cost of a million messages, by request', unit: '', better: 'lower', of: ({ cost }) => cost.byRequest.perMillionMessages },
  { name: 'cost of a million messages, by usage', unit: '', better: 'lower', of: ({ cost }) => cost.byUsage?.perMillionMessages ?? null },
]

/** Rows that are judged by a band. */
const noisyRows = metrics.filter(({ exact }) => !exact).length

function asked({ scaling }: ProofReport): number | null {
  const { from, seconds } = growthOf(scaling)
  return from === 'asking' ? slowest(seconds) : null
}

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
  mean: number | null
  least: number | null
  most: number | null
  runs: number
}

export type CompareVerdict = 'better' | 'worse' | 'within noise' | 'no band' | 'not measured'

export interface Compared {
  name: string
  unit: string
  before: Side
  after: Side
  /** So far the mean may move by noise alone; null: of so few runs nobody knows, or there is no noise in it. */
  band: number | null
  verdict: CompareVerdict
}

export interface Comparison {
  rows: Compared[]
  /** What makes the two hard to compare: other settings, machines, or too few runs. */
  notes: string[]
  worse: boolean
}

export function compare(before: readonly ProofReport[], after: readonly ProofReport[]): Comparison {
  const rows = metrics.map((metric): Compared => {
    const [a, b] = [valuesOf(before, metric), valuesOf(after, metric)]
    const band = metric.exact ? null : bandOf(a, b)
    return { name: metric.name, unit: metric.unit, before: sideOf(a), after: sideOf(b), band, verdict: verdictOf(a, b, band, metric) }
  })
  return { rows, notes: notesOf(before, after), worse: rows.some(({ verdict }) => verdict === 'worse') }
}

function valuesOf(reports: readonly ProofReport[], { of }: Metric): number[] {
  return reports.flatMap((report) => of(report) ?? [])
}

function sideOf(values: readonly number[]): Side {
  const runs = values.length
  if (runs === 0) return { mean: null, least: null, most: null, runs }
  return { mean: mean(values), least: Math.min(...values), most: Math.max(...values), runs }
}

/**
 * The noise of a row: t × s × √(1/n₁ + 1/n₂), where s² is the pooled variance of the two sides. That is the two-sample t-test for
 * equal means (NIST/SEMATECH e-Handbook of Statistical Methods, 1.3.5.3): unchanged code has the same noise on both sides, so each
 * run of either side tells of it, and t has n₁ + n₂ − 2 degrees of freedom. With few runs t is large, as it must be: the extremes
 * of three runs leave out the next run half the time. Many rows are judged at once, each therefore at its share of the chance that
 * any of them is wrong (Bonferroni, ibid. 7.4.7.3).
 */
function bandOf(before: readonly number[], after: readonly number[]): number | null {
  if (before.length < runsForBand || after.length < runsForBand) return null
  const freedom = before.length + after.length - 2
  const pooled = Math.sqrt((squares(before) + squares(after)) / freedom)
  const t = upperQuantile(falseAlarms / noisyRows, freedom)
  return Math.max(Math.abs(mean(before)) * leastShare, t * pooled * Math.sqrt(1 / before.length + 1 / after.length))
}

/** Beyond noise are means further apart than the band. Of counts that have no noise the worst run counts: it is not outvoted. */
function verdictOf(before: readonly number[], after: readonly number[], band: number | null, { better, exact }: Metric): CompareVerdict {
  if (before.length === 0 || after.length === 0) return 'not measured'
  if (!exact && band === null) return 'no band'
  const value = exact ? (values: readonly number[]) => Math.max(...values) : mean
  const grown = (value(after) - value(before)) * (better === 'lower' ? 1 : -1)
  if (Math.abs(grown) <= (band ?? 0)) return 'within noise'
  return grown > 0 ? 'worse' : 'better'
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

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length
}

/** The sum of the squares of what the values are away from their mean. */
function squares(values: readonly number[]): number {
  const middle = mean(values)
  return values.reduce((sum, value) => sum + (value - middle) ** 2, 0)
}
