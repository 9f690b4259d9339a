/** Builds the proof report from the evidence collected during a run. Pure. */
import type { Report, Times } from '../core/report.ts'
import { againstWs, type BenchmarkRow } from './benchmarks.ts'
import { costOf } from './cost.ts'
import type { Prices } from './prices.ts'
import { resourcesOf, type Sampled } from './resources.ts'
import { growthOf, type Scaled, scalingOf } from './scaling.ts'
import { type Availability, type Environment, type ProofReport, type ReportTimes, schemaVersion } from './schema.ts'
import { availabilityObjective, objectiveText, slosOf } from './slos.ts'

/** Maximum number of load data points in a report. */
const mostPoints = 1800
/** Maximum number of failures that the report lists individually. */
const mostCases = 20

/**
 * The result of one new client, which connects, receives the first message, sends a message, receives the reply, and closes the connection.
 */
export interface Probe {
  atMs: number
  /** A duration in milliseconds; undefined if the client failed before the end of the measured step. */
  connectMs: number | undefined
  answerMs: number | undefined
  replica: string | undefined
  problem: string | undefined
}

export interface Evidence {
  report: Report
  /** Number of additional clients during the surge. */
  surgeClients: number
  /** Start and end of the run. Unix milliseconds. */
  window: readonly [number, number]
  probes: readonly Probe[]
  scaled: Omit<Scaled, 'greetings' | 'faults'>
  /** Number of handshakes of all regular and additional clients together. */
  handshakes: { attempts: number; succeeded: number }
  load: ProofReport['load']
  delivery: { all: Times; normal: Times; tenTimes: Times }
  sampled: Sampled | { problem: string }
  prices: Prices
  benchmarks: readonly BenchmarkRow[]
  environment: Environment
}

export function buildReport(evidence: Evidence): ProofReport {
  const { report, window, delivery, probes, load, scaled } = evidence
  const { figures, verdict, options } = report
  const seconds = (window[1] - window[0]) / 1000
  const availability = availabilityOf(evidence)
  const greetings = probes.flatMap(({ atMs, connectMs, replica }) =>
    replica === undefined ? [] : [{ atMs: atMs + (connectMs ?? 0), replica }],
  )
  const faults = report.faults.map(({ atSeconds, kind, replica }) => ({
    atMs: window[0] + atSeconds * 1000,
    text: replica === undefined ? kind : `${kind} ${replica}`,
  }))
  const scaling = scalingOf({ ...scaled, greetings, faults }, window)
  const findings = Object.fromEntries(Object.entries(verdict.findings).map(([kind, { count }]) => [kind, count]))
  const connect = timesOfSome(probes.map(({ connectMs }) => connectMs))
  const answer = timesOfSome(probes.map(({ answerMs }) => answerMs))
  const slos = slosOf({
    availability: availability.ratio,
    findings,
    connect,
    answer,
    growth: growthOf(scaling),
    delivery: plain(delivery.all),
    deliveryAtTenTimes: plain(delivery.tenTimes),
    awayAfterCrash: plain(figures.reconnectAfterKillMs),
    awayDuringDrain: plain(figures.awayDuringDrainMs),
    drain: plain(figures.drainMs),
  })
  const resources = resourcesOf(evidence.sampled, scaled.events, scaled.atStart, window)
  return {
    schemaVersion,
    startedAt: new Date(window[0]).toISOString(),
    seconds,
    verdict: verdictOf(slos, verdict.pass),
    slos,
    availability,
    scaling,
    settings: {
      sockets: options.sockets,
      rooms: options.rooms,
      rate: options.rate,
      surgeClients: evidence.surgeClients,
      minutes: options.minutes,
      faults: [...options.faults],
    },
    ledger: {
      ...verdict.counts,
      findings,
      drops: verdict.drops,
      cases: Object.entries(verdict.findings).flatMap(([kind, { first }]) => first.map((text) => `${kind}: ${text}`)),
    },
    latencies: [
      { id: 'connect', name: 'New client: connection to greeting', times: connect },
      { id: 'answer', name: 'New client: message to answer', times: answer },
      { id: 'stored', name: 'Room message to "stored"', times: plain(figures.storedMs) },
      { id: 'delivery', name: 'Room message to each member', times: plain(delivery.all) },
      { id: 'delivery-normal', name: 'Room message, normal rate, no faults', times: plain(delivery.normal) },
      { id: 'delivery-ten-times', name: 'Room message, tenfold rate, no faults', times: plain(delivery.tenTimes) },
      { id: 'across', name: 'Replica to replica', times: plain(figures.crossReplicaUnderFaultsMs) },
      { id: 'crash', name: 'Disconnected after a crash', times: plain(figures.reconnectAfterKillMs) },
      { id: 'drain-away', name: 'Disconnected during a drain', times: plain(figures.awayDuringDrainMs) },
      { id: 'drain', name: 'SIGTERM to the exit of the replica', times: plain(figures.drainMs) },
    ],
    load: thinned(load),
    againstWs: againstWs(evidence.benchmarks),
    resources,
    cost: costOf({ replicas: resources.replicas, messages: verdict.counts.delivered, socketHours: socketHours(load) }, evidence.prices),
    faults: report.faults.map((fault) => ({ ...fault, replica: fault.replica ?? null })),
    environment: evidence.environment,
  }
}

function availabilityOf({ probes, handshakes, report, window }: Evidence): Availability {
  const { sent, accepted } = report.verdict.counts
  const failures = probes.flatMap(({ atMs, replica, problem }) =>
    problem === undefined
      ? []
      : [`at ${((atMs - window[0]) / 1000).toFixed(1)} s${replica === undefined ? '' : `, by ${replica}`}: ${problem}`],
  )
  const part = (what: string, attempts: number, succeeded: number, cases: string[] = []) => ({
    what,
    attempts,
    succeeded,
    ratio: attempts === 0 ? null : succeeded / attempts,
    cases,
  })
  const parts = [
    part(
      'new clients: connected, greeted and answered within 5 s',
      probes.length,
      probes.length - failures.length,
      failures.slice(0, mostCases),
    ),
    part('handshakes of members and additional clients', handshakes.attempts, handshakes.succeeded),
    part('room messages answered as stored', sent, accepted),
  ]
  const ratios = parts.flatMap(({ ratio }) => ratio ?? [])
  // If any kind of attempt was never made, the availability is unknown, because that kind might have had the lowest ratio.
  return { objective: availabilityObjective, ratio: ratios.length < parts.length ? null : Math.min(...ratios), parts }
}

/**
 * Lists the objectives that are not met, as text. If every objective is met but the check of the message ledgers fails, lists this failure
 * instead.
 */
function verdictOf(slos: ProofReport['slos'], ledgersPass: boolean): ProofReport['verdict'] {
  const reasons = slos
    .filter(({ pass }) => pass === false)
    .map((slo) => {
      const { name, value, unit } = slo
      const is = value === null ? 'was not measured' : `is ${Number(value.toPrecision(6))}${unit && ` ${unit}`}`
      return `${name} ${is}; the objective is ${objectiveText(slo)}`
    })
  if (!ledgersPass && reasons.length === 0) reasons.push('The ledgers do not agree, or are empty')
  return { pass: reasons.length === 0, reasons }
}

/** Reduces the number of points in a long run by keeping them at even intervals; the last point is always included. */
function thinned(load: ProofReport['load']): ProofReport['load'] {
  const every = Math.ceil(load.length / mostPoints)
  return load.filter((_, i) => i % every === 0 || i === load.length - 1)
}

/** Computes the socket hours on the assumption that the number of sockets remains constant between two recorded points. */
function socketHours(load: ProofReport['load']): number {
  return load.reduce((sum, { atSeconds, sockets }, i) => sum + (sockets * ((load[i + 1]?.atSeconds ?? atSeconds) - atSeconds)) / 3600, 0)
}

/** JSON has no NaN, so a value that was not measured becomes null. */
function plain({ count, p50, p90, p95, p99, max }: Times): ReportTimes {
  const number = (value: number) => (count > 0 && Number.isFinite(value) ? Math.round(value * 1000) / 1000 : null)
  return { count, p50: number(p50), p90: number(p90), p95: number(p95), p99: number(p99), max: number(max) }
}

function timesOfSome(values: readonly (number | undefined)[]): ReportTimes {
  const sorted = values.filter((value) => value !== undefined).sort((a, b) => a - b)
  const at = (share: number) => sorted[Math.max(0, Math.ceil(sorted.length * share) - 1)] ?? Number.NaN
  return plain({ count: sorted.length, p50: at(0.5), p90: at(0.9), p95: at(0.95), p99: at(0.99), max: at(1) })
}
