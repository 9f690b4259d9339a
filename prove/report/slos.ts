/** What the run must reach: each objective with its formula, its limit and who asks for it. Pure. */
import type { Growth } from './scaling.ts'
import type { ReportTimes, Slo } from './schema.ts'

/** What objectives are measured by. null: it was not measured. */
export interface Measured {
  /** Share of attempts that succeeded, 0 to 1, of the worst kind of them. */
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
/** Milliseconds, of room messages at the 95th percentile. */
const deliveryLimitMs = 100

interface Rule extends Omit<Slo, 'value' | 'note' | 'pass'> {
  measure: (measured: Measured) => number | null
  /** Says whether the run had what the objective speaks of. Without it: every run has. */
  asked?: (measured: Measured) => boolean
  note?: (measured: Measured) => string
}

const lab = 'this lab'
const stressPlan = 'stress-test plan for a cluster on EKS'
const tenThousand = 'concurrentSockets, for 10,000 sockets'
const regions = 'devops-insights, rooms by region'

/** Findings that have a row of their own. */
const named = {
  lost: 'Messages lost',
  doubled: 'Messages doubled',
  reordered: 'Messages reordered',
  unexplained: 'Connections lost for no reason',
}
const formulas: Record<keyof typeof named, string> = {
  lost: 'messages in the room log × members of their rooms − deliveries',
  doubled: 'messages stored twice + deliveries made twice',
  reordered: 'deliveries in another order than the room log has, or than their sender sent them',
  unexplained: 'connections that ended, less those a fault of the plan or a replica that left explains',
}

const countRules: Rule[] = (Object.keys(named) as (keyof typeof named)[]).map((kind) => ({
  ...{ id: kind, name: named[kind], formula: formulas[kind], better: 'lower', limit: 0, unit: '', source: lab },
  measure: ({ findings }) => findings[kind] ?? null,
}))

const rules: readonly Rule[] = [
  {
    ...{ id: 'availability', name: 'Availability', better: 'higher', limit: availabilityObjective * 100, unit: '%', source: stressPlan },
    formula: 'successful attempts ÷ attempts: the least of new clients, handshakes and room messages',
    measure: ({ availability }) => percent(availability),
  },
  {
    ...{ id: 'errors', name: 'Errors', better: 'lower', limit: 1, unit: '%', source: tenThousand },
    formula: 'failed attempts ÷ attempts: the most of new clients, handshakes and room messages',
    measure: ({ availability }) => (availability === null ? null : percent(1 - availability)),
  },
  ...countRules,
  {
    ...{ id: 'other-findings', name: 'Other promises broken', better: 'lower', limit: 0, unit: '', source: lab },
    formula: 'findings of the two ledgers of every other kind',
    measure: ({ findings }) => sumOf(Object.entries(findings).filter(([kind]) => !(kind in named))),
  },
  {
    ...{ id: 'connect-p95', name: 'Connect, p95', better: 'lower', limit: 2000, unit: 'ms', source: tenThousand },
    formula: 'from dialling to the greeting, 95th percentile of new clients',
    measure: ({ connect }) => connect.p95,
  },
  {
    ...{ id: 'answer-p95', name: 'Answer, p95', better: 'lower', limit: 1000, unit: 'ms', source: tenThousand },
    formula: 'from a message to its answer, 95th percentile of new clients',
    measure: ({ answer }) => answer.p95,
  },
  {
    ...{ id: 'delivery-p95', name: 'Room message, p95', better: 'lower', limit: deliveryLimitMs, unit: 'ms', source: regions },
    formula: 'from sending to each member of the room, 95th percentile, faults included',
    measure: ({ delivery }) => delivery.p95,
  },
  {
    ...{
      id: 'ten-times',
      name: 'Room message at 10× the load, p95',
      better: 'lower',
      limit: deliveryLimitMs,
      unit: 'ms',
      source: stressPlan,
    },
    formula: 'the same at ten times the messages per second, nothing broken: no degradation if the objective holds',
    measure: ({ deliveryAtTenTimes }) => deliveryAtTenTimes.p95,
  },
  {
    ...{ id: 'scaling', name: 'Scaling up', better: 'lower', limit: 120, unit: 's', source: stressPlan },
    formula: 'from demand to the first socket on a replica that the scaler added, the slowest time',
    asked: ({ growth }) => growth.by === 'scaler',
    measure: ({ growth }) => slowest(growth.seconds),
    note: ({ growth }) => growthNote(growth),
  },
  {
    ...{ id: 'crash', name: 'Back after a crash, p99', better: 'lower', limit: 10_000, unit: 'ms', source: lab },
    formula: 'from SIGKILL to the session at another replica, 99th percentile of the clients it had',
    measure: ({ awayAfterCrash }) => awayAfterCrash.p99,
  },
  {
    ...{ id: 'drain-away', name: 'Away during a drain, p99', better: 'lower', limit: 2000, unit: 'ms', source: lab },
    formula: 'from the end of a connection to the session at another replica, 99th percentile; 0 for who moved before',
    measure: ({ awayDuringDrain }) => awayDuringDrain.p99,
  },
  {
    ...{ id: 'drain', name: 'Length of a drain', better: 'lower', limit: 30_000, unit: 'ms', source: lab },
    formula: 'from SIGTERM to the end of the process, the longest',
    measure: ({ drain }) => drain.max,
  },
]

/**
 * @returns every objective; one that was not measured does not hold: an untested promise is a broken one. One that speaks of
 * what the run did not have is left open.
 */
export function slosOf(measured: Measured): Slo[] {
  return rules.map(({ measure, asked = () => true, note = () => '', ...rule }) => {
    const isAsked = asked(measured)
    const value = isAsked ? measure(measured) : null
    const holds = value !== null && (rule.better === 'lower' ? value <= rule.limit : value >= rule.limit)
    return { ...rule, value, note: note(measured), pass: isAsked ? holds : null }
  })
}

/** Who asked for more replicas, where that was not a scaler in real time. */
function growthNote({ by, timeScale, seconds }: Growth): string {
  if (by === 'run') {
    const took = slowest(seconds)
    const ended = took === null ? 'no new replica had a socket' : `${Number(took.toFixed(2))} s later a new replica had its first socket`
    return `no scaler ran: the run itself asked for one more, and ${ended}`
  }
  if (timeScale === null || timeScale === 1) return ''
  return `the scaler's clock ran ${timeScale} times as fast as a cluster's; the limit is in real seconds`
}

/** As written beside the value: `≤ 2000 ms`. */
export function objectiveText({ better, limit, unit }: Pick<Slo, 'better' | 'limit' | 'unit'>): string {
  if (limit === 0 && better === 'lower') return 'none'
  if (unit === 'ms' && limit >= 10_000) return objectiveText({ better, limit: limit / 1000, unit: 's' })
  return `${better === 'lower' ? '≤' : '≥'} ${limit.toLocaleString('en-US', { maximumFractionDigits: 3 })}${unit === '' ? '' : ` ${unit}`}`
}

function percent(share: number | null): number | null {
  // Nine digits: 1 − 0.999 is no round number otherwise.
  return share === null ? null : Number((share * 100).toFixed(7))
}

/** null: there was none, or one that never came to an end. */
export function slowest(times: readonly (number | null)[]): number | null {
  const known = times.filter((time) => time !== null)
  // One that never got a socket is later than any.
  return known.length === 0 || known.length < times.length ? null : Math.max(...known)
}

function sumOf(entries: readonly (readonly [string, number])[]): number {
  return entries.reduce((sum, [, count]) => sum + count, 0)
}
