/** Defines a run's objectives, each with its formula, its limit and its source. Pure. */
import type { Growth } from './scaling.ts'
import type { ReportTimes, Slo } from './schema.ts'

/** The values that the objectives use; null means that a value was not measured. */
export interface Measured {
  /** Fraction of successful attempts, from 0 to 1, for the worst kind of attempt. */
  availability: number | null
  findings: Readonly<Record<string, number>>
  /** Milliseconds. */
  connect: ReportTimes
  answer: ReportTimes
  delivery: ReportTimes
  deliveryAtTenTimes: ReportTimes
  awayAfterCrash: ReportTimes
  awayDuringDrain: ReportTimes
  drain: ReportTimes
  growth: Growth
}

export const availabilityObjective = 0.999
/** Limit for the 95th percentile of the delivery time of room messages. Milliseconds. */
const deliveryLimitMs = 100

interface Rule extends Omit<Slo, 'value' | 'note' | 'pass'> {
  measure: (measured: Measured) => number | null
  /** Whether the objective applies to the run; if undefined, it applies to every run. */
  asked?: (measured: Measured) => boolean
  note?: (measured: Measured) => string
}

const lab = 'this lab'
const stressPlan = 'stress-test plan for a cluster on EKS'
const tenThousand = 'concurrentSockets, for 10,000 sockets'
const regions = 'devops-insights, rooms by region'

/** The kinds of delivery errors that have their own objective, and the names of these objectives. */
const named = {
  lost: 'Messages lost',
  doubled: 'Messages doubled',
  reordered: 'Messages reordered',
  unexplained: 'Connections lost without a cause',
}
const formulas: Record<keyof typeof named, string> = {
  lost: 'messages in the room log × members of their rooms − deliveries',
  doubled: 'messages stored twice + repeated deliveries',
  reordered: 'deliveries in a different order than in the room log, or than they were sent',
  unexplained: 'ended connections − those that a planned fault or a removed replica explains',
}

const countRules: Rule[] = (Object.keys(named) as (keyof typeof named)[]).map((kind) => ({
  id: kind,
  name: named[kind],
  formula: formulas[kind],
  better: 'lower',
  limit: 0,
  unit: '',
  source: lab,
  measure: ({ findings }) => findings[kind] ?? null,
}))

const rules: readonly Rule[] = [
  {
    id: 'availability',
    name: 'Availability',
    better: 'higher',
    limit: availabilityObjective * 100,
    unit: '%',
    source: stressPlan,
    formula: 'successful attempts ÷ attempts: the minimum of new clients, handshakes and room messages',
    measure: ({ availability }) => percent(availability),
  },
  {
    id: 'errors',
    name: 'Errors',
    better: 'lower',
    limit: 1,
    unit: '%',
    source: tenThousand,
    formula: 'failed attempts ÷ attempts: the maximum of new clients, handshakes and room messages',
    measure: ({ availability }) => (availability === null ? null : percent(1 - availability)),
  },
  ...countRules,
  {
    id: 'other-findings',
    name: 'Other guarantees violated',
    better: 'lower',
    limit: 0,
    unit: '',
    source: lab,
    formula: 'all other findings of the two ledgers',
    measure: ({ findings }) => sumOf(Object.entries(findings).filter(([kind]) => !(kind in named))),
  },
  {
    id: 'connect-p95',
    name: 'Connect, p95',
    better: 'lower',
    limit: 2000,
    unit: 'ms',
    source: tenThousand,
    formula: 'from connecting to the greeting, 95th percentile of new clients',
    measure: ({ connect }) => connect.p95,
  },
  {
    id: 'answer-p95',
    name: 'Answer, p95',
    better: 'lower',
    limit: 1000,
    unit: 'ms',
    source: tenThousand,
    formula: 'from a message to its answer, 95th percentile of new clients',
    measure: ({ answer }) => answer.p95,
  },
  {
    id: 'delivery-p95',
    name: 'Room message, p95',
    better: 'lower',
    limit: deliveryLimitMs,
    unit: 'ms',
    source: regions,
    formula: 'from sending to each member of the room, 95th percentile, faults included',
    measure: ({ delivery }) => delivery.p95,
  },
  {
    id: 'ten-times',
    name: 'Room message at 10× the load, p95',
    better: 'lower',
    limit: deliveryLimitMs,
    unit: 'ms',
    source: stressPlan,
    formula: 'as above, at ten times the messages per second and without faults: no degradation if the objective holds',
    measure: ({ deliveryAtTenTimes }) => deliveryAtTenTimes.p95,
  },
  {
    id: 'scaling',
    name: 'Scaling up',
    better: 'lower',
    limit: 120,
    unit: 's',
    source: stressPlan,
    formula: 'from demand to the first socket on a replica that the scaler added, maximum',
    asked: ({ growth }) => growth.by === 'scaler',
    measure: ({ growth }) => slowest(growth.seconds),
    note: ({ growth }) => growthNote(growth),
  },
  {
    id: 'crash',
    name: 'Reconnected after a crash, p99',
    better: 'lower',
    limit: 10_000,
    unit: 'ms',
    source: lab,
    formula: 'from SIGKILL to the session on another replica, 99th percentile of the clients of the replica',
    measure: ({ awayAfterCrash }) => awayAfterCrash.p99,
  },
  {
    id: 'drain-away',
    name: 'Disconnected during a drain, p99',
    better: 'lower',
    limit: 2000,
    unit: 'ms',
    source: lab,
    formula: 'from the end of a connection to the session on another replica, 99th percentile; 0 for clients that moved before',
    measure: ({ awayDuringDrain }) => awayDuringDrain.p99,
  },
  {
    id: 'drain',
    name: 'Duration of a drain',
    better: 'lower',
    limit: 30_000,
    unit: 'ms',
    source: lab,
    formula: 'from SIGTERM to the exit of the process, maximum',
    measure: ({ drain }) => drain.max,
  },
]

/**
 * @returns every objective; an objective that was not measured is not met, because an untested guarantee cannot be relied on. If an
 * objective does not apply to the run, its `pass` value is null.
 */
export function slosOf(measured: Measured): Slo[] {
  return rules.map(({ measure, asked = () => true, note = () => '', ...rule }) => {
    const isAsked = asked(measured)
    const value = isAsked ? measure(measured) : null
    const holds = value !== null && (rule.better === 'lower' ? value <= rule.limit : value >= rule.limit)
    return { ...rule, value, note: note(measured), pass: isAsked ? holds : null }
  })
}

/** Returns a remark if the run itself added the replicas, or if the scaler's time was compressed. */
function growthNote({ by, timeScale, seconds }: Growth): string {
  if (by === 'run') {
    const took = slowest(seconds)
    const ended = took === null ? 'no new replica had a socket' : `${Number(took.toFixed(2))} s later a new replica had its first socket`
    return `no scaler ran: the run itself added one replica, and ${ended}`
  }
  if (timeScale === null || timeScale === 1) return ''
  return `the scaler's time was compressed ${timeScale} times; the limit is in real seconds`
}

/** Returns the limit as text, for example `≤ 2000 ms`. */
export function objectiveText({ better, limit, unit }: Pick<Slo, 'better' | 'limit' | 'unit'>): string {
  if (limit === 0 && better === 'lower') return 'none'
  if (unit === 'ms' && limit >= 10_000) return objectiveText({ better, limit: limit / 1000, unit: 's' })
  return `${better === 'lower' ? '≤' : '≥'} ${limit.toLocaleString('en-US', { maximumFractionDigits: 3 })}${unit === '' ? '' : ` ${unit}`}`
}

function percent(share: number | null): number | null {
  // Rounding to seven decimal places removes floating-point errors, such as that of 1 − 0.999.
  return share === null ? null : Number((share * 100).toFixed(7))
}

/** Returns the longest of the given scale-up times; null if the list is empty, or if any of the times is unknown. */
export function slowest(times: readonly (number | null)[]): number | null {
  const known = times.filter((time) => time !== null)
  // If no new replica received a socket in one of the scale-ups, the longest time is unknown, so the objective is not met.
  return known.length === 0 || known.length < times.length ? null : Math.max(...known)
}

function sumOf(entries: readonly (readonly [string, number])[]): number {
  return entries.reduce((sum, [, count]) => sum + count, 0)
}
