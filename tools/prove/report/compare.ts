/** Compares two sets of runs metric by metric, taking into account the noise of at least three runs in each set. Pure. */
import { growthOf } from './scaling.ts'
import type { ProofReport } from './schema.ts'
import { slowest } from './slos.ts'
import { upperQuantile } from './students-t.ts'

/** Minimum number of runs in each set for a noise band. */
export const runsForBand = 3
/** Changes of less than a tenth are ignored even without noise, because a machine's speed varies from hour to hour. */
const leastShare = 0.1
/** Probability that any row is classified as worse although the code is unchanged. */
const falseAlarms = 0.04

interface Metric {
  name: string
  unit: string
  better: 'lower' | 'higher'
  /** Whether any increase of this count is a deterioration, because the count is not subject to noise. */
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
  // Errors are compared rather than availability, because a fall from 99.99 % to 99.9 % looks small although errors grow tenfold.
  { name: 'errors', unit: '%', better: 'lower', of: slo('errors') },
  ...['connect', 'answer', 'stored', 'delivery', 'across', 'crash', 'drain-away'].flatMap((id): Metric[] => [
    { name: `${id} p50`, unit: 'ms', better: 'lower', of: latency(id, 'p50') },
    { name: `${id} p99`, unit: 'ms', better: 'lower', of: latency(id, 'p99') },
  ]),
  { name: 'drain, longest', unit: 'ms', better: 'lower', of: slo('drain') },
  { name: 'scaling up by the scaler', unit: 's', better: 'lower', of: slo('scaling') },
  { name: 'from requesting a replica to a socket on it', unit: 's', better: 'lower', of: asked },
  { name: 'CPU of all replicas per million deliveries', unit: 's', better: 'lower', of: cpuPerMillion },
  { name: 'peak memory of a replica', unit: 'MiB', better: 'lower', of: memoryPeak },
  { name: 'cost of a million messages, by request', unit: '', better: 'lower', of: ({ cost }) => cost.byRequest.perMillionMessages },
  { name: 'cost of a million messages, by usage', unit: '', better: 'lower', of: ({ cost }) => cost.byUsage?.perMillionMessages ?? null },
]

/** Number of rows that are compared using a noise band. */
const noisyRows = metrics.filter(({ exact }) => !exact).length

function asked({ scaling }: ProofReport): number | null {
  const { from, seconds } = growthOf(scaling)
  return from === 'request' ? slowest(seconds) : null
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
  /** The difference between the means that noise alone can cause; null if there are too few runs, or if the row has no noise. */
  band: number | null
  verdict: CompareVerdict
}

export interface Comparison {
  rows: Compared[]
  /** Lists the differences that make the comparison unreliable: settings, machines, or too few runs. */
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
 * Computes a row's noise band: t × s × √(1/n₁ + 1/n₂), where s² is the pooled variance of both sets. The method is the two-sample t-test
 * for equal means (NIST/SEMATECH e-Handbook of Statistical Methods, 1.3.5.3). Unchanged code has the same noise in both sets, so the runs
 * of both sets estimate the noise, and t has n₁ + n₂ − 2 degrees of freedom. With few runs, t must be large: half of the time, a fourth run
 * lies outside the range of the first three. Because many rows are compared at once, each row gets an equal share of the probability that
 * any row is misclassified (Bonferroni, NIST e-Handbook 7.4.7.3).
 */
function bandOf(before: readonly number[], after: readonly number[]): number | null {
  if (before.length < runsForBand || after.length < runsForBand) return null
  const freedom = before.length + after.length - 2
  const pooled = Math.sqrt((squares(before) + squares(after)) / freedom)
  const t = upperQuantile(falseAlarms / noisyRows, freedom)
  return Math.max(Math.abs(mean(before)) * leastShare, t * pooled * Math.sqrt(1 / before.length + 1 / after.length))
}

/**
 * A change exceeds the noise if the means differ by more than the noise band. For counts without noise, the worst run of each set is
 * compared.
 */
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
    .map(([side, runs]) => `${side}: ${runs} ${runs === 1 ? 'run' : 'runs'}; a noise band needs at least ${runsForBand}`)
  const all = [...before, ...after]
  const differ = (what: string, of: (report: ProofReport) => string) => {
    const found = [...new Set(all.map(of))]
    if (found.length > 1) notes.push(`${what} differ: ${found.join('; ')}`)
  }
  differ(
    'settings',
    ({ settings: s }) =>
      `${s.sockets} sockets, ${s.rooms} rooms, ${s.surgeClients} additional clients, ${s.rate}/s, faults ${s.faults.join(',')}`,
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

/** Computes the sum of the squared deviations from the mean. */
function squares(values: readonly number[]): number {
  const middle = mean(values)
  return values.reduce((sum, value) => sum + (value - middle) ** 2, 0)
}
